package explain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
	"buildbisect/runner/redact"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// evidence is that of a search over commits c0 to c3 and two levels of docker, in which nothing was built
// yet.
func evidence(t *testing.T, repair bool) *Evidence {
	t.Helper()
	h := &space.History{Path: "/repo", Repair: repair}
	for i := range 4 {
		c := space.Commit{ID: fmt.Sprint("c", i), Subject: fmt.Sprint("change ", i), Author: "A", When: time.Unix(0, 0).UTC()}
		parents := []int{i - 1}
		if i == 0 {
			parents = nil
		}
		h.Commits, h.Parents, h.Sides = append(h.Commits, c), append(h.Parents, parents), append(h.Sides, bisect.After)
	}
	axis := scenarios.Axis{Kind: scenarios.ToolAxis, Name: "docker", Levels: []scenarios.Level{{Text: "27"}, {Text: "20"}}}
	s, err := space.NewSpace(h, []scenarios.Axis{axis})
	if err != nil {
		t.Fatal(err)
	}
	return &Evidence{
		Scenario: &scenarios.Scenario{
			Name: "demo", Confirm: 2, Stages: []scenarios.Stage{{Name: "release", Run: "make release"}},
			Builder: scenarios.Builder{Network: "none", Workdir: "/src"},
		},
		Space: s, Dir: "state/run", Program: "/bin/bisect", Builds: map[int]lab.Trial{}, Points: map[int]bisect.Point{},
	}
}

// built adds a trial.
func (e *Evidence) built(p bisect.Point, v bisect.Verdict, stage, reason string, tail ...string) int {
	id := len(e.Trials) + 1
	t := lab.Trial{Judgement: scenarios.Judgement{Verdict: v, Reason: reason}, Stage: stage, Tail: tail}
	row := report.Trial{ID: id, Point: e.Space.Named(p), Reproduce: fmt.Sprintf("trials/%d/reproduce.sh", id)}
	t.FillRow(&row)
	e.Trials, e.Builds[id], e.Points[id] = append(e.Trials, row), t, p
	return id
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in:\n%s", part, text)
	}
}

// isolated is a cause of commit c2 and docker 20, with what proves it.
func isolated(e *Evidence) {
	bad := e.built(bisect.Point{2, 1}, bisect.Bad, "release", "error: broken")
	tool := e.built(bisect.Point{2, 0}, bisect.Good, "release", "status 0")
	parent := e.built(bisect.Point{1, 1}, bisect.Good, "release", "status 0")
	e.Ended = true
	e.Finding = bisect.Finding{Outcome: bisect.Isolated, Complete: true, Probes: 3, Causes: []bisect.Cause{{
		Point: bisect.Point{2, 1}, Bad: []int{bad}, Confirmed: 2,
		Good: []bisect.Witness{{Point: bisect.Point{2, 0}, Trials: []int{tool}}, {Point: bisect.Point{1, 1}, Trials: []int{parent}}},
	}}}
}

func TestACauseIsSaidWithWhatUndoesItAndHowToBuildItAgain(t *testing.T) {
	e := evidence(t, false)
	isolated(e)
	r := e.Report()
	if len(r.Causes) != 1 {
		t.Fatalf("%+v", r)
	}
	c := r.Causes[0]
	if want := `commit c2 "change 2" (A, 1970-01-01) breaks the build with docker 20.`; c.Sentence != want {
		t.Errorf("%s", c.Sentence)
	}
	if want := []string{"docker 27", "undo commit c2"}; !slices.Equal(c.Repairs, want) {
		t.Errorf("%q", c.Repairs)
	}
	if want := []string{"sh state/run/trials/1/reproduce.sh"}; !slices.Equal(c.Reproduce, want) {
		t.Errorf("%q", c.Reproduce)
	}
	contains(t, r.Summary, "Nothing else breaks it, as long as no change in between repairs it.")
	e.Terms = &report.Terms{Old: "fast", New: "slow"}
	contains(t, e.Report().Causes[0].Sentence, "turns the build from fast to slow with docker 20.")
}

func TestARepairIsToldInItsOwnWords(t *testing.T) {
	e := evidence(t, true)
	isolated(e)
	r := e.Report()
	if len(r.Causes) != 0 || len(r.Repairs) != 1 {
		t.Fatalf("%+v", r)
	}
	contains(t, r.Repairs[0].Sentence, `commit c2 "change 2" (A, 1970-01-01) repairs the build with docker 27.`)
}

func TestEndsThatAreNotWhatTheyWereTakenForHaveAReasonAndAnAdvice(t *testing.T) {
	for _, c := range []struct {
		about     string
		bad, good bisect.Verdict
		stage     string
		want      string
	}{
		{"a good bad end", bisect.Good, bisect.Good, "release", "the bad end is good (x). There is nothing to bisect."},
		{"both swapped", bisect.Good, bisect.Bad, "release", "the bad end is good and the good end is bad."},
		{"a bad good end", bisect.Bad, bisect.Bad, "release", "the good end is bad (x). Both ends fail alike"},
		{"an end without a stage", bisect.Skip, bisect.Good, "", "the bad end cannot be judged (x). Mend that"},
	} {
		e := evidence(t, false)
		e.Finding.Outcome = bisect.NotBracketed
		e.built(e.Space.Bad(), c.bad, c.stage, "x")
		e.built(e.Space.Good(), c.good, "release", "x")
		if got := e.Report().Summary; !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.about, got)
		}
	}
}

// What a reason says is the build's own text: a limit counts only where the stage says that one ended it.
func TestAnEndThatALimitEndedNamesTheLimits(t *testing.T) {
	for _, c := range []struct {
		limit, want string
		bad         bisect.Verdict
	}{
		{"disk", "raise that limit under builder.resources; else mend the stage", bisect.Skip},
		{"disk", "raise that limit under builder.resources; else give another good commit", bisect.Bad},
		{"", "say so with on-timeout: bad", bisect.Skip},
		{"", "or mend the stage", bisect.Bad},
	} {
		e := evidence(t, false)
		e.Finding.Outcome = bisect.NotBracketed
		skipped := func(p bisect.Point) {
			id := e.built(p, bisect.Skip, "release", "stage release printed (resources.disk)")
			trial := e.Builds[id]
			trial.Stages = []lab.StageRun{{Name: "release", Limit: c.limit}}
			e.Builds[id] = trial
		}
		if c.bad == bisect.Skip {
			skipped(e.Space.Bad())
			e.built(e.Space.Good(), bisect.Good, "release", "x")
		} else {
			e.built(e.Space.Bad(), c.bad, "release", "x")
			skipped(e.Space.Good())
		}
		contains(t, e.Report().Summary, c.want)
	}
}

func TestABuildThatMissesTheNetworkIsToldThatItHasNone(t *testing.T) {
	e := evidence(t, false)
	e.Finding.Outcome = bisect.NotBracketed
	e.built(e.Space.Bad(), bisect.Bad, "release", "status 1", "curl: (6) Could not resolve host: example.org")
	e.built(e.Space.Good(), bisect.Bad, "release", "status 1")
	contains(t, e.Report().Summary, "Builds have no network by default (trial 1 says: curl: (6) Could not resolve host: example.org)")
	e.Scenario.Builder.Network = "bridge"
	if text := e.Report().Summary; strings.Contains(text, "no network by default") {
		t.Error(text)
	}
}

func TestAFaultThatPassedIsTold(t *testing.T) {
	e := evidence(t, false)
	e.built(e.Space.Bad(), bisect.Skip, "fetch", "stage fetch ended with status 7")
	e.built(e.Space.Bad(), bisect.Bad, "release", "error: broken")
	contains(t, strings.Join(e.Report().Notes, "\n"), "1 of 2 builds could not be judged by a fault that passed, and says nothing. "+
		"trial 1 was a skip: stage fetch ended with status 7; built again as trial 2: bad.")
}

func TestAScriptRunsNothingThatACommitSays(t *testing.T) {
	e := evidence(t, false)
	e.Secrets = redact.New(map[string]string{"TOKEN": "hunter22"})
	id := e.built(e.Space.Bad(), bisect.Bad, "release", "hunter22\n$(touch pwned)\nrm -rf /")
	text := e.Script(e.Trials[id-1], e.Space.Bad())
	for line := range strings.Lines(text) {
		if strings.Contains(line, "pwned") && !strings.HasPrefix(line, "#") {
			t.Errorf("it would run: %s", line)
		}
	}
	if strings.Contains(text, "hunter22") {
		t.Errorf("a secret stands in it:\n%s", text)
	}
	contains(t, text, `exec "$bisect" probe --trial 1 "$@" "$run"`)
}
