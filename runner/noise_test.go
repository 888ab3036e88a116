package runner_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"testing"

	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// sometimes fails in a share of the trials where broken says so. Which ones is drawn from the trial's number,
// and so is the same in every run of the test.
func sometimes(share float64, broken func(n int) bool) build {
	return func(_ context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		h := fnv.New64a()
		for _, e := range env {
			if strings.HasPrefix(e, "BISECT_TRIAL=") {
				io.WriteString(h, e)
			}
		}
		// FNV's low bits of strings that differ in their last byte alone are no dice; the middle ones are.
		if broken(commitNumber(files)) && float64(h.Sum64()*0x9e3779b97f4a7c15>>40)/(1<<24) < share {
			fmt.Fprintln(out, "error: connection reset")
			return backend.Exit{Code: 2}, nil
		}
		return backend.Exit{}, nil
	}
}

func flaky() *scenarios.Scenario {
	return &scenarios.Scenario{Confidence: 0.99, Repeat: scenarios.Repeat{Max: 60, Given: true}}
}

func noisyRun(t *testing.T, h *space.History, b build) *runner.Run {
	s := flaky()
	r := newRun(t, &engine{build: b}, h, s)
	r.Options.Flaky, r.Options.Repeat, r.Options.Confidence = s.Repeat.Given, s.Repeat.Max, s.Confidence
	return r
}

func TestACommitThatBreaksTheBuildSometimesIsFoundWithItsConfidence(t *testing.T) {
	rep, err := noisyRun(t, lineOf(20), sometimes(0.3, func(n int) bool { return n >= 13 })).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "isolated" || len(rep.Causes) != 1 || *rep.Causes[0].Changes[0].Bad != "c13" {
		t.Fatalf("%s after %d trials: %s", rep.Outcome, len(rep.Trials), rep.Summary)
	}
	c := rep.Causes[0]
	if c.Confidence == nil || *c.Confidence < 0.99 || rep.Noise == nil || rep.Noise.Broken.Low > 0.3 || rep.Noise.Broken.High < 0.3 {
		t.Errorf("confidence %v, noise %+v", c.Confidence, rep.Noise)
	}
	if len(c.Tally) != 2 || c.Tally[0].Bad == 0 || c.Tally[1].Bad > 0 || c.Tally[1].Good == 0 {
		t.Errorf("tally %+v", c.Tally)
	}
	contains(t, rep.Summary, `commit c13 "change 13" (A, 1970-01-01) breaks the build. From there on `)
	contains(t, rep.Summary, "of the builds are bad, before it ")
	contains(t, rep.Summary, "; confidence 99")
}

func TestAFlakeThatNothingChangedHasNoCulprit(t *testing.T) {
	rep, err := noisyRun(t, lineOf(20), sometimes(0.3, func(int) bool { return true })).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "no-culprit" || len(rep.Causes) != 0 || rep.Noise == nil || rep.Noise.Flake < 0.99 {
		t.Fatalf("%s after %d trials: %s", rep.Outcome, len(rep.Trials), rep.Summary)
	}
	if len(rep.Candidates) > 0 {
		t.Errorf("suspects though nothing changed: %+v", rep.Candidates)
	}
	contains(t, rep.Summary, "no culprit: nothing changed between the ends. The build is flaky: it was bad in ")
}

// In a search for a repair the sides change places, in the rates too.
func TestTheRepairOfAFlakeIsFound(t *testing.T) {
	rep, err := noisyRun(t, repaired(), sometimes(0.5, func(n int) bool { return n < 13 })).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "isolated" || len(rep.Repairs) != 1 || *rep.Repairs[0].Changes[0].Good != "c13" {
		t.Fatalf("%s after %d trials: %s", rep.Outcome, len(rep.Trials), rep.Summary)
	}
	if n := rep.Noise; n.Broken.Low > 0.5 || n.Broken.High < 0.5 || n.Healthy.Mean > 0.2 {
		t.Errorf("noise %+v", n)
	}
	if here := rep.Repairs[0].Tally[0]; here.Bad > 0 || here.Good == 0 {
		t.Errorf("tally at the repair %+v", here)
	}
}

func TestABuildThatContradictsItselfTurnsToNoise(t *testing.T) {
	turn := 0
	r := newRun(t, &engine{}, lineOf(10), &scenarios.Scenario{})
	r.Options.Repeat = 4
	r.Lab.Backend.(*engine).build = func(_ context.Context, files map[string]string, _ []string, _ io.Writer) (backend.Exit, error) {
		if turn++; commitNumber(files) > 0 && turn%2 == 1 {
			return backend.Exit{Code: 1}, nil
		}
		return backend.Exit{}, nil
	}
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Heads and tails at every commit but the good one: with so few builds nothing can be told.
	if rep.Outcome != "inconsistent" || len(rep.Causes) > 0 || rep.Noise == nil {
		t.Errorf("%s: %+v", rep.Outcome, rep.Causes)
	}
	contains(t, rep.Summary, fmt.Sprintf("builds contradict each other, and %d of them were not enough to tell what changed", len(rep.Trials)))
}
