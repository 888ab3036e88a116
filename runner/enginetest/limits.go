package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"buildbisect/runner"
)

// firstLine closes a channel when the first bytes come: the script has begun.
type firstLine struct {
	once  sync.Once
	begun chan struct{}
}

func newFirstLine() *firstLine { return &firstLine{begun: make(chan struct{})} }

func (f *firstLine) Write(p []byte) (int, error) {
	f.once.Do(func() { close(f.begun) })
	return len(p), nil
}

func (s *suite) timeout(t *testing.T) {
	why := errors.New("the stage took too long")
	for _, script := range []string{
		"trap '' TERM INT HUP; echo begun; while :; do sleep 1; done",
		"trap '' TERM INT HUP; while :; do echo spam; done",
	} {
		box := s.box(t, runner.BoxSpec{})
		ctx, cancel := context.WithCancelCause(t.Context())
		out := newFirstLine()
		var ended time.Time
		go func() {
			<-out.begun
			ended = time.Now()
			cancel(why)
		}()
		_, err := box.Exec(ctx, script, out)
		if !errors.Is(err, why) {
			t.Errorf("%s: got %v", script, err)
		}
		if took := time.Since(ended); took > 3*time.Second {
			t.Errorf("%s: returned after %s", script, took)
		}
		// Nothing goes on in there.
		if _, err := box.Exec(t.Context(), "echo alive", &bytes.Buffer{}); !errors.Is(err, runner.ErrInfrastructure) {
			t.Errorf("%s: the box still answers: %v", script, err)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		cancel(nil)
	}
}

func (s *suite) killAll(t *testing.T) {
	box := s.box(t, runner.BoxSpec{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if exit, err := box.Exec(ctx, "kill -9 -1; exit 3", &bytes.Buffer{}); err != nil || exit.Code == 0 {
		t.Errorf("got %+v, %v", exit, err)
	}
}

func (s *suite) outOfMemory(t *testing.T) {
	// The command that is killed is a child, as a compiler is make's: the script's own status says nothing of it.
	box := s.box(t, runner.BoxSpec{Memory: 32 << 20})
	// It asks for everything at once: one that grows slowly first drives its own code out of memory, for up to half a minute.
	out, exit := run(t, box, "dd if=/dev/zero of=/dev/null bs=256M count=1 || exit 2")
	if exit.Code != 2 || !exit.OOM {
		t.Errorf("got %+v, %q", exit, out)
	}
	if _, exit := run(t, box, "exit 137"); exit.OOM || exit.Code != 137 {
		t.Errorf("the next script is blamed for it: %+v", exit)
	}
}

func (s *suite) killedOutside(t *testing.T) {
	if s.outside.Kill == nil {
		t.Skip("no way to kill a box from outside")
	}
	name := fmt.Sprintf("bisect-enginetest-%d", time.Now().UnixNano())
	box := s.box(t, runner.BoxSpec{Name: name})
	out := newFirstLine()
	go func() {
		<-out.begun
		s.outside.Kill(t, name)
	}()
	start := time.Now()
	exit, err := box.Exec(t.Context(), "echo begun; sleep 60", out)
	if !errors.Is(err, runner.ErrInfrastructure) {
		t.Errorf("got %+v, %v", exit, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func (s *suite) processLimit(t *testing.T) {
	box := s.box(t, runner.BoxSpec{PIDs: 20})
	out, exit := run(t, box, "i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo unlimited")
	if exit.Code == 0 || strings.Contains(out, "unlimited") {
		t.Errorf("got %+v, %q", exit, out)
	}

	// What cannot even be started has no verdict. Here the processes of an earlier script take every place once it ended.
	box = s.box(t, runner.BoxSpec{PIDs: 20})
	run(t, box, "(while kill -0 $$ 2>/dev/null; do :; done; while :; do sleep 60 & done) &")
	for end := time.Now().Add(30 * time.Second); ; {
		var printed bytes.Buffer
		exit, err := box.Exec(t.Context(), "echo begun; exit 3", &printed)
		if errors.Is(err, runner.ErrInfrastructure) {
			return
		}
		if err != nil || exit.Code != 3 || printed.String() != "begun\n" || time.Now().After(end) {
			t.Fatalf("got %+v, %v, %q", exit, err, printed.String())
		}
	}
}

func (s *suite) nothingStays(t *testing.T) {
	if s.outside.Watch == nil {
		t.Skip("no way to look at the engine from outside")
	}
	name := fmt.Sprintf("bisect-enginetest-%d", time.Now().UnixNano())
	box := s.box(t, runner.BoxSpec{Name: name})
	run(t, box, "echo x >/volume/file; sleep 60 &")
	left := s.outside.Watch(t, name)
	if len(left()) < 2 {
		t.Fatalf("want a container and a volume to watch, got %q", left())
	}
	for range 2 {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		if rest := left(); len(rest) > 0 {
			t.Errorf("left: %q", rest)
		}
	}
	if _, err := box.Exec(t.Context(), "true", &bytes.Buffer{}); !errors.Is(err, runner.ErrInfrastructure) {
		t.Errorf("exec in a closed box: %v", err)
	}
}

func (s *suite) sideBySide(t *testing.T) {
	var group sync.WaitGroup
	for i := range 4 {
		box := s.box(t, runner.BoxSpec{Env: []string{fmt.Sprintf("I=%d", i)}})
		group.Go(func() {
			var out bytes.Buffer
			exit, err := box.Exec(t.Context(), "n=0; while [ $n -lt 500 ]; do echo $I; n=$((n+1)); done; exit $I", &out)
			if err != nil || exit.Code != i || out.String() != strings.Repeat(fmt.Sprintf("%d\n", i), 500) {
				t.Errorf("box %d: got %+v, %v, %d bytes", i, exit, err, out.Len())
			}
		})
	}
	group.Wait()
}
