package runner_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

func TestACommitIsBlamedAndEverythingIsWrittenDown(t *testing.T) {
	e := &engine{build: failing(13, "error: broken")}
	r := newRun(t, e, lineOf(20), &scenarios.Scenario{Axes: []scenarios.Axis{tool("docker", "1", "2")}})
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "isolated" || !rep.Complete || len(rep.Causes) != 1 {
		t.Fatalf("%+v", rep)
	}
	c := rep.Causes[0]
	if len(c.Changes) != 1 || *c.Changes[0].Bad != "c13" || *c.Changes[0].Good[0] != "c12" || c.Confirmed != 2 {
		t.Errorf("blamed %+v", c)
	}
	contains(t, rep.Summary, `commit c13 "change 13"`)

	for _, trial := range rep.Trials {
		if _, err := os.Stat(filepath.Join(r.State.Dir, trial.Log)); err != nil {
			t.Error(err)
		}
	}
	var saved report.Report
	data, err := os.ReadFile(filepath.Join(r.State.Dir, "report.json"))
	if err == nil {
		err = json.Unmarshal(data, &saved)
	}
	if err != nil || saved.Summary != rep.Summary {
		t.Errorf("report.json: %v, %q", err, saved.Summary)
	}
	types := recordTypes(t, r.State.Dir)
	want := "run" + strings.Repeat(" start end", len(rep.Trials)) + " done"
	if got := strings.Join(types, " "); got != want {
		t.Errorf("journal: %s; want %s", got, want)
	}
}

func recordTypes(t *testing.T, dir string) (types []string) {
	f, err := os.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var record struct{ Type string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		types = append(types, record.Type)
	}
	return types
}

func TestToolsAloneLeaveNoCommitToBlame(t *testing.T) {
	e := &engine{}
	r := newRun(t, e, lineOf(9), &scenarios.Scenario{Axes: []scenarios.Axis{tool("docker", "1", "2"), {Kind: scenarios.EnvAxis, Name: "FLAG", Levels: []scenarios.Level{{Text: "on"}, {Null: true}}}}})
	e.build = func(_ context.Context, _ map[string]string, env []string, _ io.Writer) (backend.Exit, error) {
		if has(env, "FLAG=on") == has(env, "FLAG") {
			t.Errorf("FLAG is neither set nor unset in %q", env)
		}
		if e.specs[len(e.specs)-1].Image == "[{docker 2 false}]" && has(env, "FLAG") {
			return backend.Exit{Code: 125}, nil // git would skip; here it is the failure
		}
		return backend.Exit{}, nil
	}
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Causes) != 1 || len(rep.Causes[0].Changes) != 2 || !rep.Complete {
		t.Fatalf("%+v", rep.Causes)
	}
	contains(t, rep.Summary, "docker 2 and FLAG unset: enough to break the build. No commit is to blame.")
	contains(t, rep.Causes[0].Reproduce[0], "/reproduce.sh")
}

func TestEveryTrialHasAFreshBoxWithItsOwnMark(t *testing.T) {
	e := &engine{build: failing(3, "x")}
	r := newRun(t, e, lineOf(5), &scenarios.Scenario{})
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(e.specs) != len(rep.Trials) {
		t.Errorf("%d boxes for %d trials", len(e.specs), len(rep.Trials))
	}
	for i, s := range e.specs {
		if !has(s.Env, fmt.Sprintf("BISECT_TRIAL=b1234567890-%d", i+1)) || s.Network != "none" || s.Socket {
			t.Errorf("box %d: %+v", i+1, s)
		}
	}
}

func TestInfrastructureIsTriedAgainAndIsNeverAVerdict(t *testing.T) {
	failures := 2
	e := &engine{}
	e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if len(e.specs) > 3 && failures > 0 {
			failures--
			return backend.Exit{Code: 1}, errEngine
		}
		return failing(4, "x")(ctx, files, env, out)
	}
	r := newRun(t, e, lineOf(6), &scenarios.Scenario{Confirm: 1})
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if *rep.Causes[0].Changes[0].Bad != "c4" {
		t.Errorf("blamed %+v", rep.Causes[0].Changes)
	}
}

func TestAnEngineThatStaysGoneStopsTheRunWithoutAVerdict(t *testing.T) {
	e := &engine{build: func(context.Context, map[string]string, []string, io.Writer) (backend.Exit, error) {
		return backend.Exit{Code: 1}, errEngine
	}}
	r := newRun(t, e, lineOf(6), &scenarios.Scenario{})
	rep, err := r.Do(t.Context())
	if !errors.Is(err, backend.ErrInfrastructure) {
		t.Fatalf("got %v", err)
	}
	if len(rep.Trials) != 0 || rep.Outcome != "inconclusive" {
		t.Errorf("%d trials, %s", len(rep.Trials), rep.Outcome)
	}
	if got := strings.Join(recordTypes(t, r.State.Dir), " "); got != "run start stop" {
		t.Errorf("journal: %s", got)
	}
}

func TestAnInterruptedRunKeepsWhatWasProved(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	e := &engine{}
	e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if len(e.specs) == 14 { // in the middle of the certificate, with one cause proved
			stop(errStopped)
			return backend.Exit{}, context.Cause(ctx)
		}
		return failing(4, "x")(ctx, files, env, out)
	}
	r := newRun(t, e, lineOf(6), &scenarios.Scenario{Axes: []scenarios.Axis{tool("a", "1", "2"), tool("b", "1", "2"), tool("c", "1", "2")}, Confirm: 3})
	rep, err := r.Do(ctx)
	if !errors.Is(err, errStopped) {
		t.Fatalf("got %v", err)
	}
	if len(rep.Causes) != 1 || rep.Complete {
		t.Errorf("causes %+v, complete %v after %d trials", rep.Causes, rep.Complete, len(rep.Trials))
	}
	if _, err := os.Stat(filepath.Join(r.State.Dir, "report.json")); err != nil {
		t.Error(err)
	}
}

func TestAFailureWithoutTheSignatureIsKeptApart(t *testing.T) {
	e := &engine{build: func(_ context.Context, files map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		switch n := commitNumber(files); {
		case n == 4 || n == 5:
			fmt.Fprintf(out, "ld: cannot find -lfoo (pid %d)\n", 1000+n)
			return backend.Exit{Code: 1}, nil
		case n >= 6:
			fmt.Fprintln(out, "unknown flag: --platform")
			return backend.Exit{Code: 125}, nil
		}
		return backend.Exit{}, nil
	}}
	r := newRun(t, e, lineOf(8), &scenarios.Scenario{Verdict: scenarios.Verdict{Judge: scenarios.Signature{Log: mustCompile("^unknown flag")}}})
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "inconclusive" || len(rep.Causes) != 0 || len(rep.Candidates) != 3 {
		t.Fatalf("%s: causes %+v candidates %+v", rep.Outcome, rep.Causes, rep.Candidates)
	}
	if len(rep.FailsDifferently) != 2 || rep.FailsDifferently[0].Line != "ld: cannot find -lfoo (pid N)" {
		t.Errorf("%+v", rep.FailsDifferently)
	}
	contains(t, rep.Summary, "one of 3")
}

func TestEndsThatDoNotBracketAreShownWithTheirLogs(t *testing.T) {
	for name, c := range map[string]struct {
		from int
		want string
	}{"all good": {99, "the bad end is good"}, "all bad": {0, "the good end is bad"}} {
		t.Run(name, func(t *testing.T) {
			e := &engine{build: failing(c.from, "error: so it is")}
			rep, err := newRun(t, e, lineOf(4), &scenarios.Scenario{}).Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if rep.Outcome != "not-bracketed" || len(rep.Trials) != 4 { // the end that is not as it should be is built again, twice
				t.Errorf("%s after %d trials", rep.Outcome, len(rep.Trials))
			}
			contains(t, rep.Summary, c.want)
		})
	}
}

func TestAStageThatNeverEndsIsASkipUnlessItIsSaidToBeBad(t *testing.T) {
	for _, as := range []scenarios.Outcome{scenarios.CountSkip, scenarios.CountBad} {
		e := &engine{}
		e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			if commitNumber(files) == 0 {
				return backend.Exit{}, nil
			}
			<-ctx.Done()
			return backend.Exit{}, context.Cause(ctx)
		}
		stage := scenarios.Stage{Name: "release", Run: "sleep 1d", Timeout: time.Millisecond, OnTimeout: as}
		rep, err := newRun(t, e, lineOf(1), &scenarios.Scenario{Stages: []scenarios.Stage{stage}}).Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := map[scenarios.Outcome]string{scenarios.CountSkip: "not-bracketed", scenarios.CountBad: "isolated"}[as]
		if rep.Outcome != want {
			t.Errorf("on-timeout %s: %s; want %s", as, rep.Outcome, want)
		}
		contains(t, rep.Trials[0].Reason, "did not end within 1ms")
	}
}

func TestIdenticalTreesAreBuiltOnce(t *testing.T) {
	e := &engine{build: failing(5, "x")}
	r := newRun(t, e, lineOf(8), &scenarios.Scenario{Confirm: 1})
	r.Lab.Source = source{trees: map[string]string{"c8": "same", "c7": "same", "c6": "same", "c5": "same"}}
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, trial := range rep.Trials {
		if trial.Tree == "same" {
			same++
		}
	}
	if same != 1 || *rep.Causes[0].Changes[0].Bad != "c5" {
		t.Errorf("%d builds of the same tree; blamed %+v", same, rep.Causes[0].Changes)
	}
}
