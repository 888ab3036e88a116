package git

import (
	"fmt"
	"slices"
	"strings"

	"buildbisect/runner/git/gittext"
)

// NotRepositoryError says that no repository holds Path, or that this package cannot read the one that does.
type NotRepositoryError struct {
	Path    string
	Why     string // what is wrong and what to do
	Command string // makes it readable, or a copy of it, or ""
}

func (e *NotRepositoryError) Error() string {
	if e.Command != "" {
		return fmt.Sprintf("open %s: %s; run: %s", e.Path, e.Why, e.Command)
	}
	return fmt.Sprintf("open %s: %s", e.Path, e.Why)
}

// NotFoundError says that a revision names no commit.
type NotFoundError struct {
	Rev  string
	Why  string   // "" when there is simply nothing of that name
	Near []string // names that look alike, nearest first
	Hint string   // another thing to try, or ""
}

func (e *NotFoundError) Error() string {
	why := e.Why
	if why == "" {
		why = "no commit, tag or branch of that name"
	}
	if len(e.Near) > 0 {
		why += "; near it: " + strings.Join(e.Near, ", ")
	}
	if e.Hint != "" {
		why += "; " + e.Hint
	}
	return fmt.Sprintf("revision %q: %s", e.Rev, why)
}

// AmbiguousError says that a short id begins several commits.
type AmbiguousError struct {
	Rev        string
	Candidates []string // short ids and subjects
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("revision %q: begins %d commits, give more digits: %s", e.Rev, len(e.Candidates), strings.Join(e.Candidates, "; "))
}

// SameCommitError says that good and bad are one commit, so that there is no history between them.
type SameCommitError struct{ Commit Commit }

func (e *SameCommitError) Error() string {
	return fmt.Sprintf("history: good and bad are the same commit, %s; give two different revisions", e.Commit)
}

// SwappedError says that good comes after bad: the ends were swapped, or a change is sought that repaired the
// build.
type SwappedError struct{ Good, Bad Commit }

func (e *SwappedError) Error() string {
	return fmt.Sprintf("history: good (%s) is a descendant of bad (%s); were they swapped?", e.Good, e.Bad)
}

// UnrelatedError says that good and bad have no common ancestor.
type UnrelatedError struct{ Good, Bad Commit }

func (e *UnrelatedError) Error() string {
	return fmt.Sprintf("history: good (%s) and bad (%s) have no common ancestor; give a good revision of the same history", e.Good, e.Bad)
}

// ShallowError says that a shallow clone ends before the history that is needed.
type ShallowError struct {
	Ends    []Commit // where the clone was cut, at most three
	Command string   // deepens it
}

func (e *ShallowError) Error() string {
	ends := make([]string, len(e.Ends))
	for i, c := range e.Ends {
		ends[i] = c.Short()
	}
	return fmt.Sprintf("history: this clone is shallow and ends at %s, within the range; run: %s", strings.Join(ends, ", "), e.Command)
}

// UntouchedError says that no commit between good and bad touches any of the paths that a search is limited
// to.
type UntouchedError struct {
	Good, Bad Commit
	Paths     []string // those asked for
	Absent    []string // those that neither good nor bad has
}

func (e *UntouchedError) Error() string {
	next := "widen the paths or leave them out"
	if len(e.Absent) > 0 {
		next = fmt.Sprintf("neither commit has %s, is it spelled as it is from the top of the repository? Otherwise %s", strings.Join(e.Absent, ", "), next)
	}
	return fmt.Sprintf("history: no commit between good (%s) and bad (%s) touches %s; %s", e.Good, e.Bad, strings.Join(e.Paths, ", "), next)
}

// MissingObjectError says that the repository lacks an object its own history names, or cannot read it: a
// partial clone, or a damaged one.
type MissingObjectError struct {
	ID, Kind string
	Why      string // of a repository that is not partial
	Command  string // fetches or examines
	Partial  bool   // the repository is a partial clone
	cause    error
}

func (e *MissingObjectError) Error() string {
	if e.Why == "" {
		return fmt.Sprintf("read %s %s: not here, this is a partial clone; to have everything run: %s", e.Kind, gittext.Short(e.ID), e.Command)
	}
	return fmt.Sprintf("read %s %s: %s; run: %s", e.Kind, gittext.Short(e.ID), e.Why, e.Command)
}

func (e *MissingObjectError) Unwrap() error { return e.cause }

// SubmodulesError names every submodule of a commit that cannot be had.
type SubmodulesError struct {
	Commit  string
	Missing []MissingSubmodule // ordered by path
}

// MissingSubmodule is one submodule whose pinned commit is not on this machine.
type MissingSubmodule struct {
	Path    string
	Pinned  string
	Why     string
	Command string // fetches it, or ""
}

func (e *SubmodulesError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "submodules of %s: %d cannot be had:", gittext.Short(e.Commit), len(e.Missing))
	for _, m := range e.Missing {
		fmt.Fprintf(&b, "\n  %s at %s: %s", m.Path, gittext.Short(m.Pinned), m.Why)
		if m.Command != "" {
			fmt.Fprintf(&b, "; run: %s", m.Command)
		}
	}
	return b.String()
}

// Blamed is the error as one of the commit alone where nothing that the user fetches would mend it.
func (e *SubmodulesError) Blamed() error {
	if slices.ContainsFunc(e.Missing, func(m MissingSubmodule) bool { return m.Command != "" }) {
		return e
	}
	return &brokenSubmodules{e}
}

// brokenSubmodules is the fault of one commit.
type brokenSubmodules struct{ *SubmodulesError }

func (e *brokenSubmodules) Unwrap() error { return e.SubmodulesError }

// Untestable marks it as an error of one commit: others may be built.
func (e *brokenSubmodules) Untestable() {}

// HostileTreeError says that a tree names a file that must never be unpacked.
type HostileTreeError struct {
	Commit string
	Path   string
	Why    string
}

// Untestable marks it as an error of one commit: others may be built.
func (e *HostileTreeError) Untestable() {}

func (e *HostileTreeError) Error() string {
	return fmt.Sprintf("files of %s: entry %q refused: %s; repair the history or leave this commit out", gittext.Short(e.Commit), e.Path, e.Why)
}
