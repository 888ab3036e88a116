package report_test

import (
	"slices"
	"strings"
	"testing"

	"buildbisect/bisect/report"
)

// flaky is a cause that fails only sometimes.
func flaky() *report.Report {
	confidence := 0.9931
	at := report.Point{"commit": ptr(second), "docker": ptr("20.10.2")}
	return &report.Report{
		Version: report.Version, Scenario: "demo", Outcome: "isolated", Summary: "demo: commit 2222222222 breaks the build with docker 20.10.2, sometimes.",
		Causes: []report.Cause{{
			Sentence: "commit 2222222222 breaks the build with docker 20.10.2, sometimes.",
			Changes: []report.Change{
				{Axis: "commit", Good: []*string{ptr(first)}, Bad: ptr(second)}, {Axis: "docker", Good: []*string{ptr("19.03")}, Bad: ptr("20.10.2")}},
			Point: at, Lines: []string{"connection reset"}, Signature: "connection reset", Repairs: []string{"undo commit 2222222222"}, Reproduce: []string{},
			Confirmed: 12, Confidence: &confidence,
			Tally: []report.Tally{
				{Point: at, Bad: 3, Good: 6}, {Point: report.Point{"commit": ptr(first), "docker": ptr("20.10.2")}, Good: 12},
				{Point: report.Point{"commit": ptr(second), "docker": ptr("19.03")}, Bad: 1, Good: 6}},
			Witnesses: report.Witnesses{Bad: []int{5, 6, 8}, Good: []report.Witness{
				{Step: report.Point{"commit": ptr(first)}, Trials: []int{10, 11, 12, 13}}, {Step: report.Point{"docker": ptr("19.03")}, Trials: []int{20, 22}}}},
		}},
		Noise:      &report.Noise{Broken: report.Rate{Mean: 0.312, Low: 0.241, High: 0.389}, Healthy: report.Rate{Mean: 0.004, High: 0.0199}, Flake: 0.0002},
		Candidates: []report.Candidate{}, Trials: []report.Trial{}, Probes: 6, Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: []string{"monotone"},
	}
}

// noCulprit has two ends that fail equally often.
func noCulprit() *report.Report {
	r := &report.Report{
		Version: report.Version, Scenario: "demo", Outcome: "no-culprit", Summary: "demo: nothing changed: the build is flaky.", Causes: []report.Cause{},
		Candidates: []report.Candidate{}, Probes: 2, Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Assumes: []string{"monotone"},
		Noise: &report.Noise{Broken: report.Rate{Mean: 0.3, Low: 0.3, High: 0.3}, Healthy: report.Rate{Mean: 0.001, Low: 0.001, High: 0.001}, Flake: 0.9968},
	}
	for id, verdict := range strings.Fields("bad good good bad good good skip good") {
		commit, why := second, "calibration"
		if id%2 == 1 {
			commit = first
		}
		if id < 2 {
			why = "endpoint"
		}
		r.Trials = append(r.Trials, report.Trial{ID: id + 1, Point: report.Point{"commit": ptr(commit)}, Verdict: verdict, Why: why, Tail: "not shown"})
	}
	return r
}

func TestCertaintyIsNeverClaimedByRounding(t *testing.T) {
	for _, p := range []float64{0.9995, 0.99996, 1 - 1e-9} {
		r := flaky()
		r.Causes[0].Confidence = &p
		r.Candidates = []report.Candidate{{Point: report.Point{"commit": ptr(first)}, Probability: p}}
		r.Noise.Flake = p
		text := textOf(t, r)
		if strings.Contains(text, "100 %") || strings.Count(text, "99.9 %") != 3 {
			t.Errorf("%v became:\n%s", p, text)
		}
	}
}

// TestEndsAreToldApartByWhichWasBegunFirst has the trials end in another order, as with several workers.
func TestEndsAreToldApartByWhichWasBegunFirst(t *testing.T) {
	for _, r := range []*report.Report{notBracketed(), noCulprit()} {
		want := textOf(t, r)
		slices.Reverse(r.Trials)
		if got := textOf(t, r); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// TestTheOldEndIsTheLastOneTriedBackwards has no good end given, and none found.
func TestTheOldEndIsTheLastOneTriedBackwards(t *testing.T) {
	r := notBracketed()
	r.Trials[1].Why = "good-search"
	last := r.Trials[1]
	last.ID, last.Point, last.Verdict = 3, report.Point{"commit": ptr(third)}, "bad"
	r.Trials = append(r.Trials, last)
	text := textOf(t, r)
	if !strings.Contains(text, "\ngood end, trial 3 at commit 3333333333: bad ") || strings.Contains(text, "trial 2") {
		t.Errorf("got\n%s", text)
	}
}
