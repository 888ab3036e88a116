package explain

import (
	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
	"buildbisect/runner/redact"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// Evidence is all that a run has to tell of: what it was asked for, what was built, and what the search makes
// of it.
type Evidence struct {
	Scenario *scenarios.Scenario
	Space    *space.Space
	Secrets  *redact.Secrets
	Terms    *report.Terms // the reader's words for the two ends; nil: good and bad
	Dir      string        // of the run's state
	Program  string        // bisect's own path, for scripts that call it
	Local    bool          // builds are processes of this machine

	Trials    []report.Trial // with a verdict, in the order they ended
	Builds    map[int]lab.Trial
	Points    map[int]bisect.Point // that those trials built
	Cancelled int                  // trials without a verdict

	Climbed  int  // probes in looking for a good commit
	Climbing bool // a good commit is still looked for
	NoGood   bool // there is none

	Finding        bisect.Finding
	SameEnds       bool // both ends build the same files with the same tools
	EndsSkipAlike  bool // both ends cannot be judged, for the same reason
	AllTransitions bool // every level was to be tried
	Ended          bool // the search had no more questions

	Parts          []report.Part // what the builder images were made of
	Assumes        []string      // taken for granted, beside monotony
	Notes          []string      // for the report's reader
	Learned        []string      // the same, seen while building
	Unseen         []string      // what builds do not see as after a clone
	SourceWarnings []string      // the same, of the trees written so far
}

// told is a commit of the history as people are told of it: who wrote it may have pasted a secret.
func (e *Evidence) told(level int) space.Commit {
	c := e.Space.History.Commits[level]
	c.Subject, c.Author = e.Secrets.Text(c.Subject), e.Secrets.Text(c.Author)
	return c
}
