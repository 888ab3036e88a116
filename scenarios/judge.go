package scenarios

import (
	"errors"
	"fmt"
	"regexp"

	"buildbisect/bisect"
	"buildbisect/scenarios/document"
)

// A Judge says what a trial is, by how its deciding stage ended. To add one, write a file with a value like
// [GitStatus], and name in judges the key that asks for it.
type Judge interface {
	// Pattern is what lines of the stage's output are looked for with; nil: none are.
	Pattern() *regexp.Regexp
	// Judge judges a stage that ended by itself, within its limits.
	Judge(e Ended) (Judgement, error)
}

// Ended is how a stage ended.
type Ended struct {
	Stage    string
	Code     int
	Matches  []string // lines that the pattern matches, the first few
	LastLine string   // that says best why it failed; "": it said nothing
}

// Status says the exit status, and why where a failure has a reason.
func (e Ended) Status() string {
	if e.Code == 0 || e.LastLine == "" {
		return fmt.Sprintf("status %d", e.Code)
	}
	return fmt.Sprintf("status %d: %s", e.Code, e.LastLine)
}

// Judgement is what one trial says.
type Judgement struct {
	Verdict bisect.Verdict
	Class   string // bisect.Other where the build failed without the signature
	Reason  string // in a few words
	Line    string // the normalized line of a failure without the signature
}

// Skip is the judgement of a trial that says nothing.
func Skip(format string, args ...any) Judgement {
	return Judgement{Verdict: bisect.Skip, Reason: fmt.Sprintf(format, args...)}
}

// ErrAbort is what git's status of 128 and above asks for.
var ErrAbort = errors.New("the build asked to abort")

// judges are the keys of a verdict, and how each is read. The last that stands in a scenario decides.
var judges = []struct {
	key  string
	read func(m *document.Mapping, s *Scenario)
}{
	{"bad", readBad},
	{"exit", readGitExit},
}

func judgeKeys() (keys []string) {
	for _, j := range judges {
		keys = append(keys, j.key)
	}
	return keys
}

// readVerdict reads what is bad. Without it any failure of the last stage is.
func readVerdict(p document.Place, s *Scenario) {
	s.Verdict = Verdict{Stage: max(len(s.Stages)-1, 0), Judge: Failure}
	m := p.Mapping("verdict")
	for _, j := range judges {
		if m.Has(j.key) {
			j.read(m, s)
		}
	}
}
