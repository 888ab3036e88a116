package runner_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
	"buildbisect/scenarios"
)

// TestAScriptRunsNothingThatACommitOrALevelSays puts what a shell obeys wherever others choose the words, and
// runs the script with a program in bisect's place that shows how it was called.
func TestAScriptRunsNothingThatACommitOrALevelSays(t *testing.T) {
	const evil = "'\"`touch pwned`$(touch pwned)\n touch pwned; #\r\ntouch pwned\x1b[2J"
	h := lineOf(3)
	for i := range h.Commits {
		h.Commits[i].Subject, h.Commits[i].Author = evil, evil
	}
	h.Path = "/a " + evil
	s := &scenarios.Scenario{
		Axes:   []scenarios.Axis{variable("FLAG", "good", evil)},
		Stages: []scenarios.Stage{{Name: "b" + evil, Run: evil, Timeout: time.Hour}},
	}
	s.Builder.Env = map[string]string{"A": evil}
	e := &engine{build: failing(2, evil)}
	r := newRun(t, e, h, s)
	program := filepath.Join(t.TempDir(), "bisect '$(touch pwned)")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.Program = program
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Causes) != 1 || len(rep.Causes[0].Reproduce) != 1 {
		t.Fatalf("%+v", rep.Causes)
	}
	for _, trial := range rep.Trials {
		script := filepath.Join(r.State.Dir, filepath.FromSlash(trial.Reproduce))
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		remarks, code, _ := strings.Cut(string(text), "\nset -u\n")
		for line := range strings.Lines(remarks) {
			if !strings.HasPrefix(line, "#") {
				t.Errorf("not a remark: %q", line)
			}
		}
		if strings.Count(code, "touch pwned") != 1 { // of the program's name
			t.Errorf("the code is\n%s", code)
		}
	}
	// As the report says it, from another folder, with input that is no terminal.
	away := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", rep.Causes[0].Reproduce[0])
	cmd.Dir, cmd.Env = away, []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	number := strconv.Itoa(rep.Causes[0].Witnesses.Bad[0])
	if want := "<probe><--trial><" + number + "><" + r.State.Dir + ">"; string(out) != want || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%v: got %q, want %q and status 3", err, out, want)
	}
	cmd = exec.CommandContext(t.Context(), "sh", filepath.Join(r.State.Dir, "trials", "1", "reproduce.sh"), "shell")
	cmd.Dir, cmd.Env = away, []string{"PATH=" + os.Getenv("PATH"), "BISECT=" + program}
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "<--shell=first>") {
		t.Errorf("shell: got %q", out)
	}
	if left, err := os.ReadDir(away); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, dir := range []string{r.State.Dir, filepath.Dir(program)} {
		if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
			t.Errorf("pwned in %s", dir)
		}
	}
}

// TestWhoIsInABoxSeesItAsTheStagesDo has a visitor come after the stages, or before any.
func TestWhoIsInABoxSeesItAsTheStagesDo(t *testing.T) {
	for _, first := range []bool{false, true} {
		e := &engine{build: failing(1, "error: broken")}
		r := newRun(t, e, lineOf(3), &scenarios.Scenario{})
		r.Lab.First = first
		visits := 0
		r.Lab.Visit = func(_ context.Context, _ backend.Box, _ string, trial *lab.Trial) error {
			visits++
			if first != (len(trial.Stages) == 0) {
				t.Errorf("first %v: %d stages had run", first, len(trial.Stages))
			}
			return nil
		}
		if _, err := r.Lab.Try(t.Context(), 1, r.Lab.Space.Bad(), new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
		if visits != 1 {
			t.Errorf("first %v: %d visits", first, visits)
		}
	}
}
