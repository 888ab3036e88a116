package runner_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// fetching is a scenario with a stage before the deciding one.
func fetching() *scenarios.Scenario {
	return &scenarios.Scenario{Stages: []scenarios.Stage{
		{Name: "fetch", Run: "fetch", Timeout: time.Hour}, {Name: "release", Run: "make release", Timeout: time.Hour},
	}}
}

// unreachable fails in the stage fetch where down says so of a commit and its trial, and builds on elsewhere.
func unreachable(down func(commit, trial int) bool, b build) build {
	return func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if !strings.Contains(files["script"], "fetch") {
			return b(ctx, files, env, out)
		}
		trial := 0
		for _, e := range env {
			if name, value, _ := strings.Cut(e, "="); name == "BISECT_TRIAL" {
				fmt.Sscanf(value, "b1234567890-%d", &trial)
			}
		}
		if down(commitNumber(files), trial) {
			fmt.Fprintf(out, "curl: (28) timed out after %d ms\n", 10_000+trial)
			return backend.Exit{Code: 28}, nil
		}
		return backend.Exit{}, nil
	}
}

// often is down for two trials of five.
func often(_, trial int) bool { return trial%5 == 1 || trial%5 == 3 }

func TestAFaultThatPassesIsSaidAndBlamesNobody(t *testing.T) {
	r := newRun(t, &engine{build: unreachable(often, failing(5, "x"))}, lineOf(9), fetching())
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Causes) != 1 || *rep.Causes[0].Changes[0].Bad != "c5" || !rep.Complete {
		t.Fatalf("complete %v, blamed %+v", rep.Complete, rep.Causes)
	}
	want := regexp.MustCompile(`^\d+ of \d+ builds could not be judged by a fault that passed, and say nothing\. trial 1 was a skip: stage fetch ended with status 28: curl: \(28\) timed out after 10001 ms; built again as trial \d+: bad\. `)
	if notes := strings.Join(rep.Notes, "\n"); !want.MatchString(notes) {
		t.Errorf("notes %q; want %s", notes, want)
	}
}

func TestAnEndThatCannotBeJudgedIsSaidWithWhatWasSeen(t *testing.T) {
	for _, c := range []struct {
		down   func(commit, trial int) bool
		builds int
		want   string
	}{
		{func(int, int) bool { return true }, 4, "not bracketed: neither end can be judged, and both fail alike (2 builds; trial 1: stage fetch ended with status 28: curl: (28) timed out after 10001 ms; trial 3: "},
		{func(commit, _ int) bool { return commit == 9 }, 7, "not bracketed: the bad end cannot be judged (6 builds; trial 1: "},
		{func(commit, _ int) bool { return commit == 0 }, 7, "not bracketed: the good end cannot be judged (6 builds; trial 2: "},
	} {
		r := newRun(t, &engine{build: unreachable(c.down, failing(5, "x"))}, lineOf(9), fetching())
		rep, err := r.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if rep.Outcome != "not-bracketed" || len(rep.Trials) != c.builds {
			t.Errorf("%s after %d builds; want %d", rep.Outcome, len(rep.Trials), c.builds)
		}
		contains(t, rep.Summary, c.want)
	}
}

func TestWhatSkipsKeepApartIsInconclusiveWhereBuildsAreFlaky(t *testing.T) {
	r := noisyRun(t, lineOf(20), nil)
	r.Lab.Scenario.Stages = fetching().Stages
	r.Lab.Scenario.Verdict.Stage = 1
	r.Lab.Backend = &engine{build: unreachable(func(commit, trial int) bool { return commit == 7 || often(commit, trial) }, failing(7, "x"))}
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "inconclusive" || len(rep.Candidates) != 2 {
		t.Errorf("%s, %d candidates: %s", rep.Outcome, len(rep.Candidates), rep.Summary)
	}
	contains(t, rep.Summary, "the cause is one of 2 commits. The builds that would tell them apart could not be judged.")
}

// A journal of a bisect that built no skipped point again is replayed as it was made.
func TestARunThatBeganWithSkipsAsFinalGoesOnSo(t *testing.T) {
	var builds atomic.Int32
	world := func() *runner.Run {
		b := unreachable(func(commit, _ int) bool { return commit == 4 || commit == 5 }, failing(5, "x"))
		return newRun(t, &engine{build: func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			builds.Add(1)
			return b(ctx, files, env, out)
		}}, lineOf(9), fetching())
	}
	r := world()
	r.Options.SkipsAreFinal = true
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := timeless(t, rep)
	text, err := os.ReadFile(filepath.Join(r.State.Dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "doubted") {
		t.Fatal("the journal says that skips were tried again")
	}
	for begin := range lines(text) {
		if begin == 0 {
			continue
		}
		again := world()
		killedAt(t, again, r.State.Dir, begin)
		rep, err := again.Do(t.Context())
		if err != nil {
			t.Fatalf("killed at byte %d: %v", begin, err)
		}
		if got := timeless(t, rep); got != want {
			t.Fatalf("killed at byte %d:\n%s\nwant\n%s", begin, got, want)
		}
	}
	r = world()
	if rep, err = r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, trial := range rep.Trials {
		if *trial.Point["commit"] == "c4" && trial.Verdict == bisect.Skip.String() {
			seen++
		}
	}
	if seen < 2 {
		t.Errorf("a new run built c4 %d times; want a second look", seen)
	}
}
