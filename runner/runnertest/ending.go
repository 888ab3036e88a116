package runnertest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

// soon is how long anything may take to be over that was ended.
const soon = 3 * time.Second

// breakOff runs a script until its first line, and ends it then.
func (s *suite) breakOff(t *testing.T, box backend.Box, script string) {
	t.Helper()
	why := errors.New("the stage took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	out := NewBeginning()
	var ended time.Time
	go func() {
		<-out.Begun
		ended = time.Now()
		cancel(why)
	}()
	if _, err := box.Exec(ctx, script, out); !errors.Is(err, why) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("%s: got %v", script, err)
	}
	if took := time.Since(ended); took > soon {
		t.Errorf("%s: returned after %s", script, took)
	}
}

func (s *suite) timeout(t *testing.T) {
	for _, script := range []string{
		"trap '' TERM INT HUP; echo begun; while :; do sleep 1; done",
		"trap '' TERM INT HUP; while :; do echo spam; done",
	} {
		box := s.box(t, backend.BoxSpec{})
		s.breakOff(t, box, script)
		// Nothing goes on in there.
		if _, err := box.Exec(t.Context(), "echo alive", &bytes.Buffer{}); !errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("%s: the box still answers: %v", script, err)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}
}

// timeoutBackground starts what tries to outlive its script: by another group, another session, another
// parent.
func (s *suite) timeoutBackground(t *testing.T) {
	for _, script := range []string{
		"sleep 600 & echo begun; sleep 600",
		"(trap '' TERM INT HUP; while :; do sleep 1; done) & echo begun; wait",
		"setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & sleep 0.2; echo begun; sleep 600",
		"(setsid sh -c 'sleep 600' &) ; sleep 0.2; echo begun; sleep 600",
		"(setsid sh -c 'cd /; (sleep 600 &) ; exit' &) ; sleep 0.2; echo begun; sleep 600",
	} {
		name := boxName()
		box := s.box(t, backend.BoxSpec{Name: name})
		s.breakOff(t, box, script)
		if s.Running(t, name) {
			t.Errorf("%s: something of it still runs", script)
		}
	}
}

func (s *suite) absentImage(t *testing.T) {
	absent := "sha256:" + strings.Repeat("0", 64)
	start := time.Now()
	box, err := s.Engine.Start(t.Context(), backend.BoxSpec{Image: absent, Network: "none", Workdir: "/src"})
	if err == nil {
		box.Close()
		t.Fatal("started")
	}
	if !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), absent) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > soon {
		t.Errorf("took %s: was it looked for elsewhere?", took)
	}
}

func (s *suite) ended(t *testing.T) {
	name := boxName()
	box := s.box(t, backend.BoxSpec{Name: name})
	out := NewBeginning()
	go func() {
		<-out.Begun
		s.Break(t, name)
	}()
	start := time.Now()
	exit, err := box.Exec(t.Context(), "echo begun; sleep 60", out)
	if !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %+v, %v", exit, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if _, err := box.Exec(t.Context(), "echo alive", &bytes.Buffer{}); !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("the next script: got %v", err)
	}
}

func (s *suite) nothingStays(t *testing.T) {
	name := boxName()
	box := s.box(t, backend.BoxSpec{Name: name})
	Script(t, box, "echo x >file; mkdir closed; echo x >closed/in; chmod 555 closed; sleep 600 & setsid sleep 600 &")
	left := s.Watch(t, name)
	if len(left()) < 2 {
		t.Fatalf("want at least two things to watch, got %q", left())
	}
	for range 2 {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		if rest := left(); len(rest) > 0 {
			t.Errorf("left: %q", rest)
		}
	}
	if s.Running(t, name) {
		t.Error("something of it still runs")
	}
	if _, err := box.Exec(t.Context(), "true", &bytes.Buffer{}); !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("exec in a closed box: %v", err)
	}
}
