package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
	"buildbisect/runner/redact"
	"buildbisect/scenarios"
)

// tryOnce builds the bad end once, and returns the trial and its log.
func tryOnce(t *testing.T, s *scenarios.Scenario, lab func(*lab.Lab), b build) (lab.Trial, string) {
	t.Helper()
	run := newRun(t, &engine{build: b}, lineOf(1), s)
	if lab != nil {
		lab(run.Lab)
	}
	var log bytes.Buffer
	trial, err := run.Lab.Try(t.Context(), 1, run.Lab.Space.Bad(), &log)
	if err != nil {
		t.Fatal(err)
	}
	return trial, log.String()
}

func TestABuildThatGoesBeyondALimitIsASkipWhateverItSays(t *testing.T) {
	const signature = "error: it is broken\n"
	says := func(exit backend.Exit) build {
		return func(_ context.Context, _ map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
			io.WriteString(out, signature)
			return exit, nil
		}
	}
	for _, c := range []struct {
		name string
		exit backend.Exit
		want string
	}{
		{"processes", backend.Exit{Code: 2, PIDs: true}, "stage release reached its limit of 4096 processes (resources.pids)"},
		{"processes, and it succeeds", backend.Exit{PIDs: true}, "stage release reached its limit of 4096 processes (resources.pids)"},
		{"disk", backend.Exit{Code: 137, Full: true}, "stage release wrote more than 20GiB (resources.disk)"},
		{"memory", backend.Exit{Code: 137, OOM: true}, "stage release ran out of memory"},
	} {
		for _, v := range []scenarios.Judge{scenarios.Failure, scenarios.Signature{Log: mustCompile("^error: ")}, scenarios.Signature{Log: mustCompile("^error: "), AnyExit: true}, scenarios.GitStatus} {
			s := &scenarios.Scenario{Verdict: scenarios.Verdict{Judge: v}}
			s.Builder.Resources = scenarios.DefaultResources()
			trial, log := tryOnce(t, s, nil, says(c.exit))
			if trial.Verdict != bisect.Skip || trial.Class != "" || trial.Reason != c.want {
				t.Errorf("%s, %+v: %+v", c.name, v, trial.Judgement)
			}
			if !strings.HasPrefix(log, signature) {
				t.Errorf("%s: the log is %q", c.name, log)
			}
		}
	}
}

func TestAnEarlierStageBeyondALimitIsASkipToo(t *testing.T) {
	s := &scenarios.Scenario{Stages: []scenarios.Stage{{Name: "configure", Run: "a", Timeout: 1 << 50}, {Name: "release", Run: "b", Timeout: 1 << 50}}}
	s.Builder.Resources = scenarios.DefaultResources()
	trial, _ := tryOnce(t, s, nil, func(context.Context, map[string]string, []string, io.Writer) (backend.Exit, error) {
		return backend.Exit{Full: true}, nil
	})
	if trial.Verdict != bisect.Skip || trial.Reason != "stage configure wrote more than 20GiB (resources.disk)" || len(trial.Stages) != 1 {
		t.Errorf("%+v", trial)
	}
}

func TestALogThatNeverEndsIsCutAndItsBuildIsASkip(t *testing.T) {
	s := &scenarios.Scenario{Verdict: scenarios.Verdict{Judge: scenarios.Signature{Log: mustCompile("^error")}}}
	s.Builder.Resources.Log = 10_000
	line := "error: again and again\n"
	ended := false
	trial, log := tryOnce(t, s, nil, func(ctx context.Context, _ map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		for ctx.Err() == nil {
			if n, err := io.WriteString(out, line); n != len(line) || err != nil {
				t.Errorf("the build notices: %d %v", n, err)
			}
		}
		ended = true
		return backend.Exit{}, context.Cause(ctx)
	})
	const reason = "stage release printed more than 9.766KiB (resources.log)"
	if trial.Verdict != bisect.Skip || trial.Reason != reason || !ended {
		t.Errorf("%+v", trial)
	}
	own := strings.Repeat(line, 10_000/len(line)+1)[:10_000]
	if want := own + "\n" + reason + ", and was ended\n"; log != want {
		t.Errorf("the log has %d bytes and ends with %q", len(log), log[max(0, len(log)-100):])
	}
}

func TestALogOfExactlyItsLimitIsWhole(t *testing.T) {
	s := &scenarios.Scenario{}
	s.Builder.Resources.Log = 10
	trial, log := tryOnce(t, s, nil, func(_ context.Context, _ map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		io.WriteString(out, "0123456789")
		return backend.Exit{Code: 1}, nil
	})
	if trial.Verdict != bisect.Bad || log != "0123456789" {
		t.Errorf("%+v, %q", trial, log)
	}
}

func TestASecretIsNowhereInARun(t *testing.T) {
	const secret = "hunter22"
	e := &engine{}
	e.build = func(_ context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if !has(env, "TOKEN="+secret) {
			t.Error("the build has no secret")
		}
		if strings.Contains(files["script"], "configure") {
			io.WriteString(out, "the first stage ends in hun")
			return backend.Exit{}, nil
		}
		io.WriteString(out, "ter22, and the second begins\nerror: hun")
		io.WriteString(out, "te")
		io.WriteString(out, "r22 and in colour hun\x1b[31mter22\x1b[0m\n")
		if commitNumber(files) >= 2 {
			return backend.Exit{Code: 2}, nil
		}
		return backend.Exit{}, nil
	}
	s := &scenarios.Scenario{
		Stages:  []scenarios.Stage{{Name: "configure", Run: "configure", Timeout: 1 << 50}, {Name: "release", Run: "make", Timeout: 1 << 50}},
		Verdict: scenarios.Verdict{Judge: scenarios.Signature{Log: mustCompile(`^error: \*\*\* and in colour`)}},
	}
	s.Builder.Secrets = map[string]scenarios.Secret{"TOKEN": {FromEnv: "TOKEN"}}
	run := newRun(t, e, lineOf(3), s)
	run.Lab.Secrets = redact.New(map[string]string{"TOKEN": secret})
	rep, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Outcome != "isolated" || len(rep.Causes) != 1 || rep.Causes[0].Signature != "error: *** and in colour ***" {
		t.Errorf("%s %+v", rep.Outcome, rep.Causes)
	}
	script, err := os.ReadFile(filepath.Join(run.State.Dir, "trials", "1", "reproduce.sh"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(script), "It needs these secrets, as the scenario says: TOKEN.")
	contains(t, string(script), " -e TOKEN ")
	if len(rep.Loosened) == 0 || rep.Loosened[0].Key != "builder.secrets" {
		t.Errorf("loosened: %+v", rep.Loosened)
	}
	files := 0
	err = filepath.WalkDir(run.State.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			t.Errorf("%s has it: %s", path, text)
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	var text bytes.Buffer
	if err := rep.Text(&text); err != nil || strings.Contains(text.String(), secret) {
		t.Errorf("%v %s", err, text.String())
	}
	for _, spec := range e.specs {
		if shown := fmt.Sprint(spec.Name, spec.Labels, spec.Workdir, spec.Env); strings.Contains(shown, secret) {
			t.Error(shown)
		}
	}
}

func TestAnErrorOfTheEngineHidesSecretsAndKeepsItsKind(t *testing.T) {
	run := newRun(t, &engine{build: func(_ context.Context, _ map[string]string, env []string, _ io.Writer) (backend.Exit, error) {
		return backend.Exit{}, fmt.Errorf("bad env %v: %w", env, errEngine)
	}}, lineOf(1), &scenarios.Scenario{})
	run.Lab.Secrets = redact.New(map[string]string{"TOKEN": "hunter22"})
	_, err := run.Lab.Try(t.Context(), 1, run.Lab.Space.Bad(), io.Discard)
	if err == nil || strings.Contains(err.Error(), "hunter22") || !strings.Contains(err.Error(), "TOKEN=***") || !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("%v", err)
	}
}
