package report_test

import (
	"regexp"
	"strings"
	"testing"

	"buildbisect/bisect/report"
)

// repaired is a search from a broken state to a later good one, in words of the reader's own.
func repaired() *report.Report {
	found := report.Cause{
		Sentence: `commit 2222222222 "build with <buildx>" (Ann, 2021-01-28) repairs the build with buildx v0.5.0.`,
		Changes: []report.Change{
			{Axis: "commit", Good: []*string{ptr(first), ptr(third)}, Bad: ptr(second), Subject: "build with <buildx>", Author: "Ann", Date: "2021-01-28T10:00:00Z"},
			{Axis: "buildx", Good: []*string{nil}, Bad: ptr("v0.5.0")},
		},
		Point:     report.Point{"commit": ptr(second), "buildx": ptr("v0.5.0")},
		Reproduce: []string{"bisect probe x.yaml --at commit=" + second}, Confirmed: 2,
		Witnesses: report.Witnesses{Bad: []int{4, 7}, Good: []report.Witness{
			{Step: report.Point{"commit": ptr(first)}, Trials: []int{2, 3, 5, 6}},
			{Step: report.Point{"buildx": nil, "docker": ptr("19.03")}, Trials: []int{8, 9, 10, 12}}}},
	}
	return &report.Report{
		Version: report.Version, Scenario: "demo", Outcome: "isolated", Summary: "demo: commit 2222222222 repairs the build with buildx v0.5.0.",
		Repair: true, Repairs: []report.Repair{found.Repair()}, Terms: &report.Terms{Old: "broken", New: "mended-at-last"},
		Causes: []report.Cause{}, Candidates: []report.Candidate{}, Trials: []report.Trial{}, Probes: 7,
		Untested:         []report.Untested{{Point: report.Point{"commit": ptr(first), "buildx": nil}, Why: "budget", Cost: 1}},
		FailsDifferently: []report.Failure{}, Contradictions: []report.Conflict{{Bad: 5, Good: 3}}, Assumes: []string{"monotone"},
	}
}

func textOf(t *testing.T, r *report.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestARepairIsACauseWithTheSidesExchanged calls the verdicts of a repair by each other's names: what is left
// is the cause.
func TestARepairIsACauseWithTheSidesExchanged(t *testing.T) {
	for name, cause := range map[string]*report.Report{"two causes": twoCauses(), "flaky": flaky()} {
		cause.Contradictions = []report.Conflict{{Bad: 5, Good: 3}}
		cause.Untested = nil // its words say what is searched for
		for i := range cause.Causes {
			cause.Causes[i].Lines, cause.Causes[i].Repairs = nil, nil
		}
		want := textOf(t, cause)

		repair := *cause
		repair.Repair, repair.Terms = true, &report.Terms{Old: "good", New: "bad"}
		repair.Causes, repair.Contradictions = nil, []report.Conflict{{Bad: 3, Good: 5}}
		for _, c := range cause.Causes {
			repair.Repairs = append(repair.Repairs, c.Repair())
		}
		if got := textOf(t, &repair); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestATallyCountsBuildsByWhatTheyWere(t *testing.T) {
	cause := flaky().Causes[0]
	repair := cause.Repair()
	for i, got := range repair.Tally {
		if got.Good != cause.Tally[i].Bad || got.Bad != cause.Tally[i].Good {
			t.Errorf("got %+v from %+v", got, cause.Tally[i])
		}
	}
	if len(repair.Tally) != 3 {
		t.Errorf("got %d tallies, want 3", len(repair.Tally))
	}
}

// TestTermsAreUsedWhereverTextSpeaksOfAVerdictOrAnEnd looks for the words they replace in all that is not the
// caller's.
func TestTermsAreUsedWhereverTextSpeaksOfAVerdictOrAnEnd(t *testing.T) {
	replaced := regexp.MustCompile(`(?i)\b(good|bad)\b`)
	for name, r := range map[string]*report.Report{
		"two causes": twoCauses(), "not bracketed": notBracketed(), "undecided": undecided(), "repaired": repaired(), "flaky": flaky(),
		"no culprit": noCulprit(), "stopped": stopped(), "not monotone": notMonotone(),
	} {
		r.Summary = "demo"
		before := replaced.FindAllString(textOf(t, r), -1)
		r.Terms = &report.Terms{Old: "fast", New: "slow"}
		text := textOf(t, r)
		if left := replaced.FindAllString(text, -1); left != nil {
			t.Errorf("%s still says %q:\n%s", name, left, text)
		}
		for _, word := range before {
			term := map[bool]string{true: "fast", false: "slow"}[(word == "good") != r.Repair]
			if !strings.Contains(text, term) {
				t.Errorf("%s does not say %s for %s:\n%s", name, term, word, text)
			}
		}
	}
}
