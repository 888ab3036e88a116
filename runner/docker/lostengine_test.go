package docker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

func TestALostEngineIsInfrastructureAndItsReturnIsEnough(t *testing.T) {
	n, e := nested(t, enginetest.NestOptions{})
	id := nestedLoad(t, e)
	stop := func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
	// back has the engine return, and a box of before be told from the build's end.
	back := func(t *testing.T, old *box) {
		if words := e.Diagnose(t.Context()); !strings.Contains(words, "connection refused") {
			t.Errorf("diagnosis without an engine: %q", words)
		}
		since := time.Now()
		if old != nil {
			infrastructure(t, "close", old.Close(), since, 20*time.Second, "remove box")
		}
		awaited := make(chan error, 1)
		go func() { awaited <- e.Await(t.Context()) }()
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		answers := time.Now()
		if err := <-awaited; err != nil {
			t.Error(err)
		}
		t.Logf("awaited its return for %s more", time.Since(answers).Round(time.Millisecond))
		if old != nil {
			since := time.Now()
			_, err := old.Exec(t.Context(), "true", io.Discard)
			infrastructure(t, "a box of before", err, since, 10*time.Second, "ended from outside")
			if err := old.Close(); err != nil {
				t.Error(err)
			}
		}
		fresh := started(t, e, backend.BoxSpec{Image: id, Workdir: "/src"})
		defer fresh.Close()
		if exit, err := fresh.Exec(t.Context(), "exit 3", io.Discard); err != nil || exit.Code != 3 {
			t.Errorf("a fresh box: %+v, %v", exit, err)
		}
		if words := e.Diagnose(t.Context()); words != "" {
			t.Errorf("diagnosis of a healthy engine: %q", words)
		}
	}
	t.Run("WhileAScriptRuns", func(t *testing.T) {
		b := started(t, e, backend.BoxSpec{Image: id, Workdir: "/src"})
		lost := &once{do: stop}
		_, err := b.Exec(t.Context(), "echo begun; sleep 60", lost)
		infrastructure(t, "exec", err, lost.at(), 10*time.Second, "run a script")
		back(t, b)
	})
	t.Run("WhileATreeArrives", func(t *testing.T) {
		b := started(t, e, backend.BoxSpec{Image: id, Workdir: "/src"})
		lost := &once{do: func() {
			if err := n.Cut(context.Background()); err != nil {
				t.Error(err)
			}
		}}
		err := b.Put(t.Context(), "/src", io.TeeReader(treeOf(256<<20), lost))
		infrastructure(t, "put", err, lost.at(), 10*time.Second, "copy files")
		back(t, b)
	})
	for _, at := range []string{"create", "start"} {
		t.Run("WhileABoxStarts/"+at, func(t *testing.T) {
			lost := &once{do: stop}
			through := front(t, n.Host, func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+at) {
					lost.Write(nil)
				}
				return false
			})
			_, err := through.Start(t.Context(), backend.BoxSpec{Image: id, Workdir: "/src", Network: "none", Labels: map[string]string{backend.LabelRun: "halfway"}})
			infrastructure(t, "start", err, lost.at(), 10*time.Second, "start box")
			back(t, nil)
			if err := e.Sweep(t.Context(), "halfway"); err != nil {
				t.Error(err)
			}
			if left := volumes(t, e, "halfway"); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
	t.Run("WhileAnImageIsLoaded", func(t *testing.T) {
		image := extend(t, enginetest.Busybox(t), "large", strings.Repeat("0123456789abcdef", 4<<20))
		lost := &once{do: stop}
		through := front(t, n.Host, func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/images/load") {
				r.Body = io.NopCloser(io.TeeReader(r.Body, lost))
			}
			return false
		})
		_, err := through.Load(t.Context(), image)
		infrastructure(t, "load", err, lost.at(), 10*time.Second, "load image")
		back(t, nil)
	})
	t.Run("OrHangs", func(t *testing.T) { hung(t, n, e, id) })
}

// hung has an engine take questions and answer none.
func hung(t *testing.T, n *enginetest.Nest, e *Engine, image string) {
	b := started(t, e, backend.BoxSpec{Image: image, Workdir: "/src"})
	busy := started(t, e, backend.BoxSpec{Image: image, Workdir: "/src", Disk: 1 << 30})
	interrupt, end := context.WithCancel(t.Context())
	defer end()
	var group sync.WaitGroup
	runs := make(chan struct{})
	var since time.Time
	group.Go(func() {
		if _, err := busy.Exec(interrupt, "echo; sleep 100", writerFunc(func(p []byte) (int, error) { close(runs); return len(p), nil })); !errors.Is(err, context.Canceled) {
			t.Errorf("an interrupted script: %v", err)
		}
		err := busy.Close()
		took := time.Since(since)
		t.Logf("interrupted and not closed after %s: %v", took.Round(time.Millisecond), err)
		if err == nil || took > 10*time.Second {
			t.Errorf("an interrupt took %s: %v", took, err)
		}
	})
	<-runs
	if err := n.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	since = time.Now()
	end()
	group.Go(func() {
		words := e.Diagnose(t.Context())
		if took := time.Since(since); took > 8*time.Second || !strings.Contains(words, "says nothing") {
			t.Errorf("after %s: %q", took, words)
		}
	})
	group.Go(func() {
		why := errors.New("no more patience")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, why)
		defer cancel()
		if err := e.Await(ctx); !errors.Is(err, why) || time.Since(since) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(since), err)
		}
	})
	group.Go(func() { infrastructure(t, "close", b.Close(), since, 23*time.Second, "no answer") })
	group.Wait()
	if err := n.Thaw(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Await(t.Context()), b.Close(), busy.Close()); err != nil {
		t.Error(err)
	}
}

type writerFunc func(p []byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }
