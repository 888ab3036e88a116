package docker

import (
	"errors"
	"io"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

func TestABoxIsEndedBeforeTheEnginesDiskIsFullAndBlamedForWhatItWroteAlone(t *testing.T) {
	machine := connect(t).Info().Host
	for name, test := range map[string]struct {
		limit  int64
		script string
		fill   bool // by somebody else
		full   bool
	}{
		"deleted files still open": {96 << 20, `for n in 3 4 5 6; do eval "exec $n>f$n"; rm f$n; dd if=/dev/zero bs=1M count=55 >&$n 2>/dev/null; done; sleep 120`, false, true},
		"files":                    {96 << 20, "sleep 6; for n in 3 4 5; do dd if=/dev/zero of=f$n bs=1M count=55 2>/dev/null; done; sleep 120", false, true},
		"somebody else's":          {96 << 20, "dd if=/dev/zero of=f bs=1M count=8; sleep 120", true, false},
	} {
		t.Setenv("DOCKER_HOST", machine)
		n, e := nested(t, enginetest.NestOptions{Disk: 256 << 20})
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it is mostly waiting
			b := started(t, e, backend.BoxSpec{Image: nestedLoad(t, e), Workdir: "/src", Disk: test.limit})
			if test.fill {
				time.AfterFunc(firstLook+2*time.Second, func() {
					if err := n.Fill(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			since := time.Now()
			exit, err := b.Exec(t.Context(), test.script, io.Discard) // that it came to its own end would be good
			took := time.Since(since)
			t.Logf("after %s: %+v, %v", took.Round(time.Millisecond), exit, err)
			if exit.Full != test.full || errors.Is(err, backend.ErrInfrastructure) == test.full {
				t.Errorf("after %s: got %+v, %v", took, exit, err)
			}
			if test.fill {
				if err := n.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
