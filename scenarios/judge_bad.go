package scenarios

import (
	"regexp"
	"slices"

	"buildbisect/bisect"
	"buildbisect/scenarios/document"
)

// Failure judges by success: any failure of the deciding stage is bad.
var Failure Judge = failure{}

type failure struct{}

func (failure) Pattern() *regexp.Regexp { return nil }

func (failure) Judge(e Ended) (Judgement, error) {
	if e.Code == 0 {
		return Judgement{Verdict: bisect.Good, Reason: e.Status()}, nil
	}
	return Judgement{Verdict: bisect.Bad, Reason: e.Status()}, nil
}

// Signature judges by a line of the deciding stage's output, ANSI stripped: a failure that says it is bad,
// and one that does not is kept apart, so that an unrelated failure never blames a change. AnyExit: the line
// decides whatever the status.
type Signature struct {
	Log     *regexp.Regexp
	AnyExit bool
}

func (s Signature) Pattern() *regexp.Regexp { return s.Log }

// Judge is [Judge.Judge].
func (s Signature) Judge(e Ended) (Judgement, error) {
	matched := len(e.Matches) > 0
	switch {
	case matched && (e.Code != 0 || s.AnyExit):
		return Judgement{Verdict: bisect.Bad, Reason: e.Matches[0]}, nil
	case e.Code != 0:
		return Judgement{Verdict: bisect.Skip, Class: bisect.Other, Reason: "fails differently, " + e.Status(), Line: e.LastLine}, nil
	case matched:
		return Judgement{Verdict: bisect.Good, Reason: "succeeds, though it says: " + e.Matches[0]}, nil
	}
	return Judgement{Verdict: bisect.Good, Reason: e.Status()}, nil
}

// readBad reads which failure of which stage is bad.
func readBad(m *document.Mapping, s *Scenario) {
	bad := m.At("bad").Mapping("bad")
	if name, ok := bad.At("stage").Line(); ok && len(s.Stages) > 0 {
		i := slices.IndexFunc(s.Stages, func(stage Stage) bool { return stage.Name == name })
		if i < 0 {
			var have []string
			for _, stage := range s.Stages {
				if stage.Name != "" && !slices.Contains(have, stage.Name) {
					have = append(have, stage.Name)
				}
			}
			bad.At("stage").Mistake("no stage is named %q; %s", document.Short(name), choices(name, have))
		}
		s.Verdict.Stage = max(i, 0)
	}
	signature := Signature{Log: readPattern(bad.At("log"))}
	if word, ok := bad.At("exit").OneOf("failed", "any"); ok && word == "any" {
		signature.AnyExit = true
		if !bad.Has("log") {
			bad.At("exit").Mistake("any status would be bad; add the log line that decides")
		}
	}
	if signature.Log != nil {
		s.Verdict.Judge = signature
	}
}
