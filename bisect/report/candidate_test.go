package report_test

import (
	"fmt"
	"strings"
	"testing"

	"buildbisect/bisect/report"
)

// stopped ran out of builds among commits, with something cancelled and a restriction on what may matter.
func stopped() *report.Report {
	at := func(commit string) report.Point {
		return report.Point{"commit": ptr(commit), "docker": ptr("19.03"), "env.MODE": nil}
	}
	return &report.Report{
		Version: report.Version, Scenario: "demo", Run: ".bisect/demo", Outcome: "inconclusive", Summary: "demo: out of builds.", Stopped: "max-trials",
		Causes: []report.Cause{}, Probes: 26, Untested: []report.Untested{}, FailsDifferently: []report.Failure{}, Cancelled: 2,
		Candidates: []report.Candidate{
			{Point: at(first), Probability: 0.002, Subject: "docs"},
			{Point: at(second), Probability: 0.748, Subject: `say "hello"`},
			{Point: at(third), Probability: 0.25},
		},
		Trials:  []report.Trial{{ID: 1, Point: at(second), Verdict: "skip", Why: "midpoint", Reason: "stage configure: status 1"}},
		Assumes: []string{"monotone", "only commits that touch build/ matter"}, Notes: []string{"trials shared a layer cache"},
	}
}

func TestTheGoodCommitIsNoSuspect(t *testing.T) {
	r := stopped()
	r.Candidates[2].GoodEnd = true
	text := textOf(t, r)
	for _, want := range []string{"is one of these 2 commits or none, which are not told apart yet:", "\n     25 %  no commit\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q", text, want)
		}
	}
}

func TestAListThatIsCutSaysThatThereAreMore(t *testing.T) {
	r := undecided()
	r.MoreCandidates = true
	if want, text := "; the cause, with make 4.4, is one of more than 2 commits, which", textOf(t, r); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant %q", text, want)
	}
	r.Candidates[1].Point = report.Point{"commit": ptr(third), "make": ptr("4.3")}
	if want, text := "; the cause lies at one of more than 2 points:\n", textOf(t, r); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant %q", text, want)
	}
}

func TestWhatWasNotDecidedSaysWhatWasInTheWay(t *testing.T) {
	for _, c := range []struct {
		noise   *report.Noise
		stopped string
		want    string
	}{
		{want: "not decided, because builds in between could not be judged; the cause, with make 4.4, is one of these 2 commits, which cannot be told apart:"},
		{noise: &report.Noise{}, want: "not decided, because the noise leaves it open; the cause, with make 4.4, is one of these 2 commits, which are not told apart yet:"},
		{noise: &report.Noise{}, stopped: "max-time", want: "not decided when the time allowed (max-time) was up; the cause, with make 4.4, is one of these 2 commits, which are not told apart yet:"},
		{stopped: "interrupt", want: "not decided when the search was stopped (interrupt); the cause, with make 4.4, is one of these 2 commits, which are not told apart yet:"},
	} {
		r := undecided()
		r.Noise, r.Stopped = c.noise, c.stopped
		if text := textOf(t, r); !strings.Contains(text, "\n"+c.want+"\n") {
			t.Errorf("got\n%s\nwant %s", text, c.want)
		}
	}
}

func TestOnlyWhatAllCandidatesShareIsSaidOnce(t *testing.T) {
	r := undecided()
	r.Candidates[1].Point = report.Point{"commit": ptr(third), "make": ptr("4.3")}
	text := textOf(t, r)
	for _, want := range []string{"; the cause lies at one of:\n", "commit 2222222222, make 4.4\n", "commit 3333333333, make 4.3\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q", text, want)
		}
	}
}

func TestASingleCandidateIsNotOneOfSeveral(t *testing.T) {
	r := undecided()
	r.Candidates = r.Candidates[:1]
	if want, text := "; the cause lies at:\n     67 %  commit 2222222222, make 4.4\n", textOf(t, r); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant %q", text, want)
	}
}

func TestABudgetThatEndedTheCertificateIsNamed(t *testing.T) {
	r := twoCauses()
	r.Stopped = "max-time"
	if want, text := "\nstopped when the time allowed (max-time) was up; ", textOf(t, r); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant %q", text, want)
	}
}

func TestSkipsThatPassedAreNotInTheWay(t *testing.T) {
	r := undecided()
	r.Noise = &report.Noise{}
	at := func(commit string) report.Point { return report.Point{"commit": ptr(commit)} }
	r.Trials = []report.Trial{
		{ID: 1, Point: at("111"), Verdict: "skip", Reason: "stage fetch: status 6"}, {ID: 2, Point: at("222"), Verdict: "skip", Reason: "stage fetch: status 6"},
		{ID: 3, Point: at("111"), Verdict: "good"}, {ID: 4, Point: at("222"), Verdict: "skip", Reason: "stage fetch: status 7"},
	}
	text := textOf(t, r)
	for want, n := range map[string]int{
		"not decided, because builds in between could not be judged": 1, "which cannot be told apart": 1, "could not be judged:": 1,
		"trials 2, 4 could not be judged: commit 222: stage fetch: status 7": 1,
	} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, n, text)
		}
	}
}

func TestALongListSaysHowMuchIsLeftOut(t *testing.T) {
	r := undecided()
	for i := range 25 {
		point := report.Point{"commit": ptr(fmt.Sprintf("%040d", i))}
		r.Candidates = append(r.Candidates, report.Candidate{Point: point, Probability: 0.01})
		if i < 23 {
			r.Trials = append(r.Trials, report.Trial{ID: i + 1, Point: point, Verdict: "skip", Reason: "too old"})
		}
	}
	text := textOf(t, r)
	for want, n := range map[string]int{" %  commit": 20, "could not be judged:": 20, "and 7 more, in report.json": 1, "and 3 more, in report.json": 1} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, n, text)
		}
	}
}
