package main

import (
	"context"
	"errors"
	"fmt"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/git"
	"buildbisect/runner/git/pattern"
)

// Exit codes, the same for every command but probe.
const (
	exitOK           = 0
	exitError        = 1
	exitUsage        = 2 // of the command, or an invalid scenario
	exitInconclusive = 3
	exitNotBracketed = 4 // or no culprit
	exitInconsistent = 5
	exitInterrupted  = 130
)

const exitHelp = `
EXIT STATUS:
   0 isolated, complete or not; 1 error; 2 usage or an invalid scenario; 3 inconclusive (skips, or a budget); 4 not bracketed, or no culprit;
   5 verdicts contradict each other; 130 interrupted (what was proved is kept)
`

// exit carries an exit status that is no failure of the program's own. Its text has been printed already.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// usageError is a mistake in how the command was called.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// scenarioError is a scenario that cannot be read, or not be understood.
type scenarioError struct{ error }

// exitCode turns an error into the status of the process: the one place that does.
func exitCode(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	var (
		usage     usageError
		scenario  scenarioError
		notFound  *git.NotFoundError
		ambiguous *git.AmbiguousError
		same      *git.SameCommitError
		unrelated *git.UnrelatedError
		noRepo    *git.NotRepositoryError
		untouched *git.UntouchedError
		pathspec  *pattern.Error
	)
	for _, target := range []any{&usage, &scenario, &notFound, &ambiguous, &same, &unrelated, &noRepo, &untouched, &pathspec} {
		if errors.As(err, target) {
			return exitUsage
		}
	}
	return exitError
}

// outcomeCode is the exit status for what a run found.
func outcomeCode(r *report.Report) int {
	switch bisect.Outcome(r.Outcome) {
	case bisect.Isolated:
		return exitOK
	case bisect.NotBracketed, bisect.NoCulprit:
		return exitNotBracketed
	case bisect.Inconsistent:
		return exitInconsistent
	}
	return exitInconclusive
}

// failed is the status of a command that has no answer.
func failed(name string, status int) int {
	if name == "probe" && status != exitInterrupted {
		return probeFailed
	}
	return status
}

// splitExit takes an exit status out of what was joined with it.
func splitExit(err error) (*exit, error) {
	var code exit
	if !errors.As(err, &code) {
		return nil, err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return &code, nil
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		if _, other := splitExit(e); other != nil {
			rest = append(rest, other)
		}
	}
	return &code, errors.Join(rest...)
}
