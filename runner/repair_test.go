package runner_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"buildbisect/bisect/report"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// repaired is a history of 20 commits whose oldest is bad and whose last is good.
func repaired() *space.History {
	h := lineOf(20)
	h.Repair = true
	return h
}

// mendedAt builds from commit n on, and from commit 5 on with DOCKER=new.
func mendedAt(n int) build {
	return func(_ context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if at := commitNumber(files); at >= n || at >= 5 && has(env, "DOCKER=new") {
			return backend.Exit{}, nil
		}
		fmt.Fprintln(out, "error: still broken")
		return backend.Exit{Code: 2}, nil
	}
}

func TestGoodNewerThanBadFindsEveryRepair(t *testing.T) {
	r := newRun(t, &engine{build: mendedAt(13)}, repaired(), &scenarios.Scenario{Axes: []scenarios.Axis{variable("DOCKER", "new", "newer", "old")}})
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "isolated" || !rep.Complete || !rep.Repair || len(rep.Causes) != 0 || len(rep.Repairs) != 2 {
		t.Fatalf("%+v", rep)
	}
	var found []string
	for _, repair := range rep.Repairs {
		var words []string
		for _, c := range repair.Changes {
			words = append(words, report.Level(c.Axis, c.Good)+" after "+report.Level(c.Axis, c.Bad[0]))
		}
		found = append(found, strings.Join(words, ", "))
	}
	slices.Sort(found)
	if got, want := strings.Join(found, "; "), "commit c13 after commit c12; commit c5 after commit c4, DOCKER=new after DOCKER=newer"; got != want {
		t.Errorf("found %s; want %s", got, want)
	}
	verdicts := map[int]string{}
	for _, trial := range rep.Trials {
		verdicts[trial.ID] = trial.Verdict
	}
	for _, repair := range rep.Repairs {
		for _, id := range repair.Witnesses.Good {
			if verdicts[id] != "good" {
				t.Errorf("trial %d, which shows the repair, is %s", id, verdicts[id])
			}
		}
		for _, step := range repair.Witnesses.Bad {
			for _, id := range step.Trials {
				if verdicts[id] != "bad" {
					t.Errorf("trial %d, without the repair, is %s", id, verdicts[id])
				}
			}
		}
	}
	if verdicts[1] != "good" || verdicts[2] != "bad" {
		t.Errorf("the new end is %s and the old end %s", verdicts[1], verdicts[2])
	}
	contains(t, rep.Summary, "the build is repaired in 2 separate ways: (1) with commit c")
	contains(t, rep.Summary, " Nothing else repairs it, as long as no change in between breaks it again.")
}

func TestARepairIsAnnouncedAsOne(t *testing.T) {
	r := newRun(t, &engine{build: mendedAt(13)}, repaired(), &scenarios.Scenario{})
	heard := &announcements{}
	r.Observer = heard
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	contains(t, strings.Join(heard.lines, "\n"), `repair 1 is proved: commit c13 "change 13" (A, 1970-01-01) repairs the build.`)
	contains(t, heard.lines[0], "is the good end good?")
}

// announcements are the questions and proofs in words.
type announcements struct {
	lines []string
}

func (a *announcements) Started(_ int, _, question string)  { a.lines = append(a.lines, question) }
func (a *announcements) Ended(_ int, ending journal.Ending) { a.lines = append(a.lines, ending.Said) }
func (a *announcements) Proved(what string)                 { a.lines = append(a.lines, what) }

func TestTheReadersOwnTermsAreUsed(t *testing.T) {
	for name, c := range map[string]struct {
		history *space.History
		build   build
		want    []string
	}{
		"breaks":  {lineOf(20), failing(13, "x"), []string{"is the slow end slow?", "is the fast end fast?", "turns the build from fast to slow."}},
		"repairs": {repaired(), mendedAt(13), []string{"is the slow end slow?", "is the fast end fast?", "turns the build from fast to slow."}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, &engine{build: c.build}, c.history, &scenarios.Scenario{})
			heard := &announcements{}
			r.Observer, r.Terms = heard, &report.Terms{Old: "fast", New: "slow"}
			rep, err := r.Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(heard.lines, "\n")
			for _, want := range c.want {
				contains(t, all, want)
			}
			for _, line := range heard.lines {
				if line == "good" || line == "bad" {
					t.Errorf("%q was said", line)
				}
			}
			contains(t, rep.Summary, "turns the build from fast to slow.")
			if rep.Trials[0].Verdict != map[bool]string{false: "bad", true: "good"}[rep.Repair] {
				t.Errorf("the document says %s of the new end", rep.Trials[0].Verdict)
			}
		})
	}
}

func TestEndsOfARepairThatAreNotSoAreSaid(t *testing.T) {
	rep, err := newRun(t, &engine{build: failing(13, "x")}, repaired(), &scenarios.Scenario{}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "not-bracketed" {
		t.Errorf("%s", rep.Outcome)
	}
	contains(t, rep.Summary, "the bad end is good and the good end, which is newer, is bad. Give them the other way round to find what broke the build.")

	rep, err = newRun(t, &engine{build: mendedAt(99)}, repaired(), &scenarios.Scenario{}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	contains(t, rep.Summary, "the good end is bad")
	contains(t, rep.Summary, "a newer good commit")
}
