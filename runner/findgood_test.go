package runner_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"buildbisect/bisect"
	"buildbisect/runner"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// newClimb sets a run up over n commits none of which is known to be good.
func newClimb(t *testing.T, e *engine, n int, s *scenarios.Scenario) *runner.Run {
	t.Helper()
	all := lineOf(n)
	ladder := &space.History{Path: all.Path}
	steps := bisect.Backwards(n)
	for i := len(steps) - 1; i >= -1; i-- {
		at, parents := n, []int(nil)
		if i >= 0 {
			at = n - steps[i]
		}
		if rung := len(ladder.Commits); rung > 0 {
			parents = []int{rung - 1}
		}
		ladder.Commits, ladder.Parents, ladder.Sides = append(ladder.Commits, all.Commits[at]), append(ladder.Parents, parents), append(ladder.Sides, bisect.After)
	}
	r := newRun(t, e, ladder, s)
	r.Span = func(_ context.Context, good string) (*space.Space, error) {
		var from int
		fmt.Sscanf(good, "c%d", &from)
		h := lineOf(n - from)
		for i := range h.Commits {
			h.Commits[i] = all.Commits[from+i]
		}
		return space.NewSpace(h, s.Axes)
	}
	return r
}

func TestWithoutAGoodCommitOneIsFoundBackwards(t *testing.T) {
	e := &engine{build: failing(71, "x")}
	rep, err := newClimb(t, e, 100, &scenarios.Scenario{Axes: []scenarios.Axis{tool("docker", "1", "2")}}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Causes) != 1 || *rep.Causes[0].Changes[0].Bad != "c71" || !rep.Complete {
		t.Fatalf("complete %v, blamed %+v", rep.Complete, rep.Causes)
	}
	var searched, asked []string
	for i, trial := range rep.Trials {
		if trial.ID != i+1 {
			t.Errorf("trial %d has id %d", i+1, trial.ID)
		}
		if trial.Why == "good-search" {
			searched = append(searched, *trial.Point["commit"]+" "+trial.Verdict)
			if *trial.Point["docker"] != "1" {
				t.Errorf("trial %d was made with docker %s", trial.ID, *trial.Point["docker"])
			}
		} else if trial.Why == "endpoint" {
			asked = append(asked, *trial.Point["commit"])
		}
	}
	if want := []string{"c99 bad", "c98 bad", "c96 bad", "c92 bad", "c84 bad", "c68 good", "c68 good"}; !reflect.DeepEqual(searched, want) {
		t.Errorf("looked at %q; want %q", searched, want)
	}
	// The search goes on from there: neither end is built again before the causes are proved.
	if !reflect.DeepEqual(asked, []string{"c100"}) {
		t.Errorf("ends asked for: %q", asked)
	}
	contains(t, strings.Join(recordTypes(t, rep.Run), " "), "start end good start")
}

func TestAFailureAsOldAsTheHistoryIsSaidToBe(t *testing.T) {
	e := &engine{build: failing(0, "x")}
	rep, err := newClimb(t, e, 5, &scenarios.Scenario{}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "not-bracketed" || len(rep.Trials) != 5 {
		t.Errorf("%s after %d trials", rep.Outcome, len(rep.Trials))
	}
	contains(t, rep.Summary, `no good commit was found: the oldest tried, commit c0 "change 0" (A, 1970-01-01), is bad`)
}

func TestABadEndThatIsGoodEndsTheSearchForAGoodCommit(t *testing.T) {
	e := &engine{build: failing(99, "x")}
	rep, err := newClimb(t, e, 5, &scenarios.Scenario{}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "not-bracketed" || len(rep.Trials) != 2 {
		t.Errorf("%s after %d trials", rep.Outcome, len(rep.Trials))
	}
	contains(t, rep.Summary, "not bracketed: the bad end is good (status 0). There is nothing to bisect.")
}

func TestTheBudgetHoldsWhileAGoodCommitIsLookedFor(t *testing.T) {
	for most, want := range map[int]string{3: "before a good commit was found", 8: "to go further", 9: "to go further"} {
		e := &engine{build: failing(71, "x")}
		r := newClimb(t, e, 100, &scenarios.Scenario{})
		r.Options.MaxTrials = most
		rep, err := r.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Trials) != most || rep.Stopped != "max-trials" || rep.Outcome != "inconclusive" {
			t.Errorf("%d trials of %d, stopped by %q, %s", len(rep.Trials), most, rep.Stopped, rep.Outcome)
		}
		contains(t, rep.Summary, want)
	}
}
