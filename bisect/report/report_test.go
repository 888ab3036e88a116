package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"buildbisect/bisect/report"
)

var update = flag.Bool("update", false, "write testdata; read the difference before you trust it")

func ptr(s string) *string { return &s }

const (
	first  = "1111111111111111111111111111111111111111"
	second = "2222222222222222222222222222222222222222"
	third  = "3333333333333333333333333333333333333333"
	image  = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// twoCauses is one commit that breaks the build in two ways, with something left untested.
func twoCauses() *report.Report {
	commit := report.Change{Axis: "commit", Good: []*string{ptr(first)}, Bad: ptr(second), Subject: "build with buildx", Author: "Ann", Date: "2021-01-28T10:00:00Z"}
	cause := func(change report.Change, line string, bad, parent, step []int) report.Cause {
		return report.Cause{
			Sentence: `commit 2222222222 "build with buildx" (Ann, 2021-01-28) breaks the build with ` + report.Level(change.Axis, change.Bad) + ".",
			Changes:  []report.Change{commit, change}, Point: report.Point{"commit": ptr(second), change.Axis: change.Bad},
			Signature: line, Lines: []string{line, line + " (again)"}, Confirmed: 2,
			Repairs:   []string{"undo commit 2222222222", report.Level(change.Axis, change.Good[0])},
			Reproduce: []string{"bisect probe x.yaml --at commit=" + second, "docker run " + image + " sh -ec 'tar -x; make\nmake release'"},
			Witnesses: report.Witnesses{Bad: bad, Good: []report.Witness{
				{Step: report.Point{"commit": ptr(first)}, Trials: parent}, {Step: report.Point{change.Axis: change.Good[0]}, Trials: step}}},
		}
	}
	return &report.Report{
		Version: report.Version, Scenario: "demo", Run: ".bisect/demo", Outcome: "isolated",
		Summary: "demo: commit 2222222222 breaks the build in 2 ways: (1) with MODE unset; (2) with buildx v0.4.2. Whether anything else breaks it is not proved.",
		Causes: []report.Cause{
			cause(report.Change{Axis: "env.MODE", Good: []*string{ptr("on")}}, "unknown flag: --platform", []int{1, 5}, []int{2, 6}, []int{3, 7}),
			cause(report.Change{Axis: "buildx", Good: []*string{ptr("v0.5.1")}, Bad: ptr("v0.4.2")}, "quiet currently not implemented", []int{8, 9}, []int{2, 6}, []int{3, 7}),
		},
		Candidates: []report.Candidate{}, Probes: 6,
		Trials: []report.Trial{
			{ID: 1, Point: report.Point{"commit": ptr(third), "env.MODE": nil}, Verdict: "bad", Why: "endpoint", Reason: "unknown flag: --platform",
				Stage: "release", Exit: 125, Seconds: 1.25, Wall: 1.5, Image: image, Tree: third, Log: "trials/1/log", Tail: "begin\nunknown flag: --platform"},
		},
		Untested:         []report.Untested{{Point: report.Point{"commit": ptr(first), "buildx": nil}, Why: "budget", Cost: 1}},
		FailsDifferently: []report.Failure{{Trial: 4, Point: report.Point{"commit": ptr(second), "buildx": ptr("v0.5.0-rc1")}, Line: "error: no space for N"}},
		Assumes:          []string{"monotone"}, Notes: []string{"trials shared a layer cache"},
		Parts: []report.Part{
			{Kind: "base", Name: "debian bookworm make", Layers: []string{image}},
			{Kind: "tool", Name: "buildx", Version: "v0.5.1", Provider: "module", From: "module example.org/buildx", Layers: []string{image}},
			{Kind: "tool", Name: "buildx", Version: "v0.4.2", Provider: "module", From: "module example.org/buildx", Layers: []string{image}},
			{Kind: "tool", Name: "make", Version: "4.4.1", Provider: "debian", From: "debian package make of trixie", Layers: []string{image}},
		},
	}
}

// notBracketed has ends that are not what they were taken for, with a log longer than what is shown.
func notBracketed() *report.Report {
	return &report.Report{
		Version: report.Version, Scenario: "demo", Run: ".bisect/demo", Outcome: "not-bracketed", Summary: "demo: not bracketed: the good end is bad.",
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Probes: 2,
		Trials: []report.Trial{
			{ID: 1, Point: report.Point{"commit": ptr(second)}, Verdict: "bad", Why: "endpoint", Reason: "status 2: no rule", Stage: "build", Exit: 2,
				Image: image, Tree: second, Log: "trials/1/log", Tail: strings.Repeat("compiling\n", 20) + "no rule"},
			{ID: 2, Point: report.Point{"commit": ptr(first)}, Verdict: "skip", Why: "endpoint", Reason: "stage build did not end within 1s",
				Stage: "build", Image: image, Tree: first, Log: "trials/2/log"},
		},
		Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: []string{"monotone"},
	}
}

// undecided is what skips leave, and what a contradiction looks like.
func undecided() *report.Report {
	return &report.Report{
		Version: report.Version, Scenario: "demo", Outcome: "inconclusive", Summary: "demo: the cause is one of 2 points.",
		Causes: []report.Cause{}, Probes: 4, Trials: []report.Trial{}, Untested: []report.Untested{}, FailsDifferently: []report.Failure{},
		Candidates: []report.Candidate{
			{Point: report.Point{"commit": ptr(second), "make": ptr("4.4")}, Probability: 2.0 / 3},
			{Point: report.Point{"commit": ptr(third), "make": ptr("4.4")}, Probability: 1.0 / 3},
		},
		Contradictions: []report.Conflict{{Bad: 3, Good: 4}}, Assumes: []string{"monotone"},
	}
}

// goldens are the reports in testdata.
func goldens() map[string]*report.Report {
	return map[string]*report.Report{
		"two-causes": twoCauses(), "not-bracketed": notBracketed(), "undecided": undecided(), "repaired": repaired(), "flaky": flaky(),
		"no-culprit": noCulprit(), "stopped": stopped(), "not-monotone": notMonotone(),
	}
}

func TestReportsReadAsTheyDid(t *testing.T) {
	for name, r := range goldens() {
		var text, document bytes.Buffer
		if err := r.Text(&text); err != nil {
			t.Fatal(err)
		}
		if err := r.JSON(&document); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", text.Bytes())
		golden(t, name+".json", document.Bytes())
		readsBack(t, r, document.Bytes())
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func readsBack(t *testing.T, r *report.Report, document []byte) {
	t.Helper()
	var again report.Report
	if err := json.Unmarshal(document, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&again, r) {
		t.Errorf("got %+v\nwant %+v", again, *r)
	}
}

// TestHostileTextReachesNoTerminal puts what moves a cursor, or hides or reverses words, wherever a commit or
// a build can.
func TestHostileTextReachesNoTerminal(t *testing.T) {
	const hostile = "fix\x1b[2J\x1b]0;title\x07 \u009b31m\x7f \u202egnp.exe\u2066\x00"
	r := twoCauses()
	r.Summary, r.Notes = hostile, []string{hostile}
	for i := range r.Causes {
		c := &r.Causes[i]
		c.Sentence, c.Signature, c.Lines, c.Repairs, c.Reproduce = hostile, hostile, []string{hostile}, []string{hostile}, []string{hostile}
		c.Changes[0].Subject, c.Changes[0].Author = hostile, hostile
		c.Witnesses.Good[0].Step = report.Point{"env.MODE": ptr(hostile)}
	}
	r.FailsDifferently[0].Line, r.FailsDifferently[0].Point = hostile, report.Point{"make": ptr(hostile)}
	r.Untested[0].Point = report.Point{"make": ptr(hostile)}
	r.Candidates = []report.Candidate{{Point: report.Point{"env.MODE": ptr(hostile), "commit": ptr(first)}, Probability: 1, Subject: hostile}}
	r.Terms, r.Assumes, r.Stopped = &report.Terms{Old: hostile, New: hostile}, []string{hostile}, hostile
	r.Untested[0].Why, r.NotMonotone = hostile, []string{hostile}
	r.Transitions = []report.Transition{{Axis: "make", From: report.Point{"make": ptr(hostile)}, To: report.Point{"make": nil, "env.MODE": ptr(hostile)},
		FromTrials: []int{1}, ToTrials: []int{2}, Kind: "breaks"}}
	other := repaired()
	other.Repairs[0].Sentence, other.Repairs[0].Reproduce = hostile, []string{hostile}
	other.Repairs[0].Witnesses.Bad[0].Step = report.Point{"env.MODE": ptr(hostile)}
	ends := notBracketed()
	ends.Trials[0].Tail, ends.Trials[0].Reason, ends.Trials[0].Point = hostile+"\n"+hostile, hostile, report.Point{"make": ptr(hostile)}

	for _, r := range []*report.Report{r, ends, other} {
		var text, document bytes.Buffer
		if err := r.Text(&text); err != nil {
			t.Fatal(err)
		}
		if err := r.JSON(&document); err != nil {
			t.Fatal(err)
		}
		for what, written := range map[string]string{"text": text.String(), "JSON": document.String()} {
			if i := strings.IndexFunc(written, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }); i >= 0 {
				t.Errorf("%s holds %+q", what, written[i:min(len(written), i+20)])
			}
			if !strings.Contains(written, "gnp.exe") {
				t.Errorf("%s lost the words that do no harm", what)
			}
		}
		readsBack(t, r, document.Bytes())
	}
}
