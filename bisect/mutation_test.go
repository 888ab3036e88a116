package bisect_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A bug is a mistake that was made in a search, or could be, as a change of text in a file of this package.
type bug struct{ about, file, old, new string }

var bugs = []bug{
	{"a number is taken for an ancestry", "evidence.go",
		`set.removeAll(a.impliedGood(t.Point[axis]))`, "for x := range t.Point[axis] + 1 {\n\t\t\t\tset.remove(x)\n\t\t\t}"},
	{"a commit beside the good one speaks for it", "below.go",
		`return a.sides[y] == After`, `return true`},
	{"what is good is not confirmed", "confirm.go",
		`s.again(at, Good, s.options.Confirm, Confirmation)`, `s.again(at, Good, 1, Confirmation)`},
	{"the certificate steps down on commits only", "certificate.go",
		`if cause[i] == 0 {`, `if cause[i] == 0 || i > 0 && cause[0] > 0 {`},
	{"a skip is taken for good", "certificate.go",
		`case verdict == Good:`, `case verdict == Good || verdict == Skip:`},
	{"what was repaired speaks for a cause's neighbours", "confirm.go",
		"if len(s.turns) > 0 {\n\t\treturn true", "if len(s.turns) > 0 {\n\t\treturn false"},
	{"every question is called obsolete", "speculate.go",
		`len(s.turns) == 0 && s.implied(q.Point) != Unknown {`, `len(s.turns) == 0 {`},
	{"the candidates leave out what is known to fail", "candidates.go",
		`p.Equal(f) || !good && s.exists(p) {`, `!p.Equal(f) && !good && s.exists(p) {`},
	{"just below a cause lies what cannot exist", "confirm.go",
		`case s.exists(r):`, `case true:`},
	{"a trial in flight counts as made", "decide.go",
		`case have >= n ||`, `case have+flying >= n ||`},
	{"what is imagined is written into the evidence", "search.go",
		"\tc.evidence = s.evidence.clone()\n", ""},
	{"a cancelled question is paid for", "search.go",
		"\ts.asked -= before - len(s.pending)\n", "\t_ = before\n"},
	{"a skip is believed at once", "skips.go",
		"case l.builds < 2:\n\t\treturn false", "case l.builds < 2:\n\t\treturn true"},
	{"one build of each end shows that both skip alike", "skips.go",
		`min(bad.builds, good.builds) > 1`, `min(bad.builds, good.builds) > 0`},
	{"a repeat that is lost to a skip is not made up for", "decide.go",
		"\t\tmade -= skips\n", "\t\tmade -= 0 * skips\n"},
	{"builds that are skipped contradict each other", "finding.go",
		`case s.noise.undecided && !s.noise.blocked && len(s.conflicts) > 0:`, `case s.noise.undecided:`},
	{"what has no probability to speak of is named", "candidates.go",
		`rest <= incredible*sum {`, `rest < 0 {`},
}

// noiseBug shows in how many answers are wrong, which says little on few worlds where there is no bug.
var noiseBug = bug{"a build that contradicts itself is believed", "search.go",
	`if contradicted && !s.noise.on {`, `if contradicted && s.noise.on {`}

const (
	// properties are the tests that ought to catch the bugs.
	properties = `^Test(AllCausesAreFound|AnyNumberOfWorkers|ASearchCanBeDoneAgain|NoBudgetIsExceeded|TheFindingHolds|SkipsNeverHide|TheAnswerNamesExactly|WhereTheOrder|NobodyIsBlamed|BothEndsThatSkip|EverySecondBuild|WhereNoiseIsModelledOnly|FaultsThatPassBlame|AWitness)`

	noiseProperty = `^TestMisreadTrials/misread_0.02`
)

// That no property fails where there is no bug need not be shown here: the properties are tests of this
// package, on these worlds and more.
func TestSeededBugsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package once for each bug")
	}
	for _, b := range bugs {
		t.Run(b.about, func(t *testing.T) {
			t.Parallel()
			b.mustFail(t, properties)
		})
	}
	t.Run(noiseBug.about, func(t *testing.T) {
		t.Parallel()
		noiseBug.mustFail(t, noiseProperty)
	})
}

// mustFail puts the bug into the sources and expects some test to notice.
func (b bug) mustFail(t *testing.T, tests string) {
	t.Helper()
	source, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		t.Fatalf("%s has %q %d times; want once", b.file, b.old, n)
	}
	mutant := filepath.Join(t.TempDir(), b.file)
	if err := os.WriteFile(mutant, []byte(strings.Replace(string(source), b.old, b.new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(b.file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	program := compile(t, string(overlay))
	for _, worlds := range []int{80, 800} { // most are seen in the first few
		out, err := try(t, program, tests, worlds)
		switch {
		case err == nil:
			continue
		case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "seed "): // an alarm names the seed
			t.Errorf("no test failed, and yet: %v\n%s", err, out)
		}
		return
	}
	t.Error("no test failed")
}

// compile makes a program of the tests, with some of the sources replaced.
func compile(t *testing.T, overlay string) string {
	t.Helper()
	dir := t.TempDir()
	file, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte(overlay), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", program, "-overlay", file, "-vet=off", "-ldflags=-s -w", ".")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// try runs tests on a few worlds, up to the first that fails.
func try(t *testing.T, program, tests string, worlds int) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, "-test.failfast", "-test.run", tests)
	c.Env = append(os.Environ(), "BISECT_WORLDS="+strconv.Itoa(worlds))
	out, err := c.CombinedOutput()
	return string(out), err
}
