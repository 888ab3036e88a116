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

// A bug is a mistake that was made in a search, or could be: on the line of this package that ends in
// "//mutate:" and its mark, it changes the text old to new.
type bug struct{ about, mark, old, new string }

var bugs = []bug{
	{"a number is taken for an ancestry", "ancestry",
		`set.RemoveAll(a.impliedGood(t.Point[axis]))`, `for x := range t.Point[axis] + 1 { set.Remove(x) }`},
	{"a commit beside the good one speaks for it", "beside",
		`a.sides[y] == After`, `true`},
	{"what is good is not confirmed", "confirm",
		`k.options.Confirm`, `1`},
	{"the certificate steps down on commits only", "stepdown",
		`cause[i] == 0`, `cause[i] == 0 || i > 0 && cause[0] > 0`},
	{"a skip is taken for good", "skipgood",
		`verdict == Good`, `verdict == Good || verdict == Skip`},
	{"what was repaired speaks for a cause's neighbours", "repaired",
		`true`, `false`},
	{"every question is called obsolete", "obsolete",
		`&& s.implied(q.Point) != Unknown`, ``},
	{"the candidates leave out what is known to fail", "candidates",
		`p.Equal(f) ||`, `!p.Equal(f) &&`},
	{"just below a cause lies what cannot exist", "exists",
		`e.exists(r)`, `true`},
	{"a trial in flight counts as made", "inflight",
		`have >= n`, `have+flying >= n`},
	{"what is imagined is written into the evidence", "imagined",
		`c.knowledge = s.knowledge.clone()`, ``},
	{"a cancelled question is paid for", "cancelled",
		`s.asked -= before - len(s.pending)`, `_ = before`},
	{"a skip is believed at once", "skiponce",
		`false`, `true`},
	{"one build of each end shows that both skip alike", "endonce",
		`> 1`, `> 0`},
	{"a repeat that is lost to a skip is not made up for", "lostrepeat",
		`skips`, `0 * skips`},
	{"builds that are skipped contradict each other", "undecided",
		`&& !s.noise.blocked && len(s.conflicts) > 0`, ``},
	{"what has no probability to speak of is named", "incredible",
		`<= incredible*sum`, `< 0`},
}

// noiseBug shows in how many answers are wrong, which says little on few worlds where there is no bug.
var noiseBug = bug{"a build that contradicts itself is believed", "noise",
	`!s.noise.on`, `s.noise.on`}

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

func TestEverySeededBugHasItsPlace(t *testing.T) {
	for _, b := range append(bugs, noiseBug) {
		b.plant(t)
	}
}

// plant returns the file with the bug's mark, and its text with the bug in it.
func (b bug) plant(t *testing.T) (file, source string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "//mutate:"+b.mark+"\n") {
				continue
			}
			if file != "" || strings.Count(line, b.old) != 1 {
				t.Fatalf("%s: the mark %s is to stand once, on a line that has %q once", name, b.mark, b.old)
			}
			file, source = name, strings.Replace(string(text), line, strings.Replace(line, b.old, b.new, 1), 1)
		}
	}
	if file == "" {
		t.Fatalf("no line has the mark %s", b.mark)
	}
	return file, source
}

// mustFail puts the bug into the sources and expects some test to notice.
func (b bug) mustFail(t *testing.T, tests string) {
	t.Helper()
	file, source := b.plant(t)
	mutant := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(mutant, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(file)
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
