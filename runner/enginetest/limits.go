package enginetest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
)

func (s *suite) killAll(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if exit, err := box.Exec(ctx, "kill -9 -1; exit 3", &bytes.Buffer{}); err != nil || exit.Code == 0 {
		t.Errorf("got %+v, %v", exit, err)
	}
}

func (s *suite) outOfMemory(t *testing.T) {
	// The command that is killed is a child, as a compiler is make's: the script's own status says nothing of
	// it.
	box := s.box(t, backend.BoxSpec{Memory: 32 << 20})
	// It asks for everything at once: one that grows slowly first drives its own code out of memory, for up
	// to half a minute.
	out, exit := runnertest.Script(t, box, "dd if=/dev/zero of=/dev/null bs=256M count=1 || exit 2")
	if exit.Code != 2 || !exit.OOM {
		t.Errorf("got %+v, %q", exit, out)
	}
	if _, exit := runnertest.Script(t, box, "exit 137"); exit.OOM || exit.Code != 137 {
		t.Errorf("the next script is blamed for it: %+v", exit)
	}
}

func (s *suite) processLimit(t *testing.T) {
	box := s.box(t, backend.BoxSpec{PIDs: 20})
	out, exit := runnertest.Script(t, box, "i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo unlimited")
	if exit.Code == 0 || !exit.PIDs || strings.Contains(out, "unlimited") {
		t.Errorf("got %+v, %q", exit, out)
	}

	// What cannot even be started has no verdict. Here the processes of an earlier script take every place
	// once it ended.
	box = s.box(t, backend.BoxSpec{PIDs: 20})
	runnertest.Script(t, box, "(while kill -0 $$ 2>/dev/null; do :; done; while :; do sleep 60 & done) &")
	for end := time.Now().Add(30 * time.Second); ; {
		var printed bytes.Buffer
		exit, err := box.Exec(t.Context(), "echo begun; exit 3", &printed)
		if err == nil && exit.PIDs {
			return
		}
		if err != nil || exit.Code != 3 || printed.String() != "begun\n" || time.Now().After(end) {
			t.Fatalf("got %+v, %v, %q", exit, err, printed.String())
		}
	}
}
