package scenarios

import (
	"regexp"
	"slices"
	"testing"

	"buildbisect/bisect"
	"buildbisect/scenarios/document"
)

// anyWarning is a verdict that bisect does not have: a build that warns is bad.
type anyWarning struct{}

func (anyWarning) Pattern() *regexp.Regexp { return regexp.MustCompile("warning:") }

func (anyWarning) Judge(e Ended) (Judgement, error) {
	if len(e.Matches) > 0 {
		return Judgement{Verdict: bisect.Bad, Reason: e.Matches[0]}, nil
	}
	return Judgement{Verdict: bisect.Good, Reason: e.Status()}, nil
}

func TestAVerdictIsOneFile(t *testing.T) {
	own := judges
	t.Cleanup(func() { judges = own })
	judges = append(slices.Clone(own), struct {
		key  string
		read func(m *document.Mapping, s *Scenario)
	}{"warns", func(m *document.Mapping, s *Scenario) {
		if m.At("warns").Flag() {
			s.Verdict.Judge = anyWarning{}
		}
	}})
	s, err := Decode("test.yaml", []byte(`
version: 1
name: demo
source: {repo: ., good: a, bad: b}
builder: {base: {image: x}}
stages: [{name: build, run: make}]
verdict: {warns: true}
`), nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Verdict.Judge.Judge(Ended{Matches: []string{"warning: x"}})
	if err != nil || j.Verdict != bisect.Bad {
		t.Errorf("%+v, %v", j, err)
	}
}
