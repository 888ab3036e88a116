package scenarios

import (
	"fmt"
	"regexp"

	"buildbisect/bisect"
	"buildbisect/scenarios/document"
)

// GitStatus judges by the exit status as git bisect run does: 125 is a skip, 128 and above [ErrAbort], 0
// good, all else bad.
var GitStatus Judge = gitStatus{}

type gitStatus struct{}

func (gitStatus) Pattern() *regexp.Regexp { return nil }

func (gitStatus) Judge(e Ended) (Judgement, error) {
	switch {
	case e.Code >= 128:
		return Judgement{}, fmt.Errorf("stage %s: status %d: %w", e.Stage, e.Code, ErrAbort)
	case e.Code == 125:
		return Skip("status 125"), nil
	case e.Code == 0:
		return Judgement{Verdict: bisect.Good, Reason: e.Status()}, nil
	}
	return Judgement{Verdict: bisect.Bad, Reason: e.Status()}, nil
}

func readGitExit(m *document.Mapping, s *Scenario) {
	if _, ok := m.At("exit").OneOf("git"); ok {
		s.Verdict.Judge = GitStatus
	}
	if m.Has("bad") {
		m.At("exit").Mistake("bad is described too; either it or git's exit codes decide")
	}
}
