package report_test

import (
	"strings"
	"testing"

	"buildbisect/bisect/report"
)

// notMonotone was broken, repaired and broken again.
func notMonotone() *report.Report {
	at := func(commit, docker string) report.Point {
		return report.Point{"commit": ptr(commit), "docker": ptr(docker)}
	}
	return &report.Report{
		Version: report.Version, Scenario: "demo", Outcome: "isolated", Summary: "demo: broken, repaired, and broken again.",
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Trials: []report.Trial{}, Probes: 8, Untested: []report.Untested{},
		FailsDifferently: []report.Failure{}, Assumes: []string{}, NotMonotone: []string{"docker", "commit"},
		Transitions: []report.Transition{
			{Axis: "docker", From: at(third, "19.03"), To: at(third, "20.10"), FromTrials: []int{4, 9}, ToTrials: []int{6}, Kind: "breaks"},
			{Axis: "commit", From: at(first, "20.10"), To: at(second, "20.10"), FromTrials: []int{2, 3, 5}, ToTrials: []int{7, 8}, Kind: "repairs"},
		},
	}
}

func TestOnlyAWalkSaysThatThereAreNoOtherTransitions(t *testing.T) {
	r := notMonotone()
	for _, walked := range []bool{false, true} {
		r.Walked = walked
		text := textOf(t, r)
		if strings.Contains(text, "there may be more") == walked || strings.Contains(text, "every level was tried\n") != walked {
			t.Errorf("walked %v:\n%s", walked, text)
		}
	}
}

func TestAWalkThatFoundNothingOddIsToldWithoutAlarm(t *testing.T) {
	r := notMonotone()
	r.NotMonotone, r.Transitions, r.Walked = nil, r.Transitions[:1], true
	text := textOf(t, r)
	if !strings.Contains(text, "\ntransitions seen:\n") || strings.Contains(text, "not monotone") {
		t.Errorf("got\n%s", text)
	}
}
