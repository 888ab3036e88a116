package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"buildbisect/bisect"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
	"buildbisect/runner/lab"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// nested gives an engine of the test's own, connected to.
func nested(t *testing.T, o enginetest.NestOptions) (*enginetest.Nest, *Engine) {
	t.Helper()
	machine := connect(t)
	n := enginetest.Nested(t, machine, machine.Info().Host, o)
	t.Setenv("DOCKER_HOST", n.Host)
	return n, connect(t)
}

// nestedLoad loads the test image, which goes with the engine.
func nestedLoad(t *testing.T, e *Engine) string {
	t.Helper()
	id, err := e.Load(t.Context(), enginetest.Busybox(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func started(t *testing.T, e *Engine, spec backend.BoxSpec) *box {
	t.Helper()
	spec.Network = "none"
	b, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*box)
}

// infrastructure wants that of err, within limit of since, and these words.
func infrastructure(t *testing.T, what string, err error, since time.Time, limit time.Duration, words ...string) {
	t.Helper()
	took := time.Since(since)
	if !errors.Is(err, backend.ErrInfrastructure) || took > limit {
		t.Errorf("%s: after %s: %v", what, took, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q is not in: %v", what, word, err)
		}
	}
	t.Logf("%s: known after %s: %v", what, took.Round(time.Millisecond), err)
}

// once calls do when the first bytes pass, and remembers when. Transports write in goroutines of their own.
type once struct {
	do func()

	mu    sync.Mutex
	since time.Time
}

func (o *once) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = time.Now()
		o.do()
	}
	return len(p), nil
}

func (o *once) at() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.since
}

// treeOf is a tar of one file of that many bytes.
func treeOf(size int64) io.Reader {
	var header bytes.Buffer
	if err := tar.NewWriter(&header).WriteHeader(&tar.Header{Name: "large", Mode: 0o644, Size: size}); err != nil {
		panic(err)
	}
	return io.MultiReader(&header, io.LimitReader(zeros{}, size+512-size%512+1024))
}

func TestARemovedImageIsLoadedAgain(t *testing.T) {
	e := connect(t)
	image := extend(t, busybox(t, e), "mine", t.Name())
	remove := func() {
		if _, err := e.cli.ImageRemove(context.Background(), image.Name, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil {
			t.Error(err)
		}
	}
	id, err := e.Load(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	remove()
	since := time.Now()
	_, err = e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none"})
	infrastructure(t, "start", err, since, 10*time.Second, id, "load it again")
	if words := e.Diagnose(t.Context()); !strings.Contains(words, "none of the 1 images") {
		t.Errorf("diagnosis: %q", words)
	}

	history := &space.History{Path: "/repo", Commits: []space.Commit{{ID: "c0"}, {ID: "c1"}}, Parents: [][]int{nil, {0}},
		Sides: []bisect.Side{bisect.After, bisect.After}}
	space, err := space.NewSpace(history, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{Stages: []scenarios.Stage{{Name: "release", Run: "exit 0", Timeout: time.Hour}}}
	s.Builder.Workdir, s.Builder.Network = "/src", "none"
	lab := &lab.Lab{Scenario: s, Space: space, Source: nothing{}, Backend: e, Images: only{image}, Run: fmt.Sprintf("vanished-%d", time.Now().UnixNano()), Warn: func(text string) { t.Log(text) }}
	defer remove()
	for id, want := range []bisect.Verdict{bisect.Good, bisect.Unknown, bisect.Good} {
		trial, err := lab.Try(t.Context(), id, space.Good(), io.Discard)
		if trial.Verdict != want || (err != nil) != (want == bisect.Unknown) || err != nil && !errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("trial %d: got %v (%s), %v", id, trial.Verdict, trial.Reason, err)
		}
		if id == 0 {
			remove()
		}
	}
}

// nothing is a source of empty trees.
type nothing struct{}

func (nothing) Tree(context.Context, string) (string, error) { return "empty", nil }
func (nothing) WriteTar(_ context.Context, _ string, w io.Writer) error {
	return tar.NewWriter(w).Close()
}

// only is the one image of every spec.
type only struct{ image *images.Image }

func (o only) Image(context.Context, catalogue.Spec) (*images.Image, error) { return o.image, nil }
func (o only) Identity(context.Context, catalogue.Spec) (string, error)     { return o.image.Name, nil }
func (o only) Prepare(context.Context, []catalogue.Spec) error              { return nil }

func TestABoxThatSomebodyPausesIsInfrastructureNotATimeout(t *testing.T) {
	t.Parallel() // it is mostly waiting
	e := connect(t)
	b := started(t, e, backend.BoxSpec{Image: load(t, e)})
	defer b.Close()
	out := &once{do: func() {
		if _, err := e.cli.ContainerPause(context.Background(), b.id, client.ContainerPauseOptions{}); err != nil {
			t.Error(err)
		}
	}}
	_, err := b.Exec(t.Context(), "echo begun; sleep 60", out)
	infrastructure(t, "exec", err, out.at(), 2*pulse+5*time.Second, "paused")
}

func TestAShellThatIsNoProgramIsUntestable(t *testing.T) {
	e := connect(t)
	for name, file := range map[string]tar.Header{
		"not executable":  {Name: "bin/sh", Mode: 0o644},
		"a folder":        {Name: "bin/sh", Mode: 0o755, Typeflag: tar.TypeDir},
		"a dangling link": {Name: "bin/sh", Mode: 0o777, Typeflag: tar.TypeSymlink, Linkname: "/no/such"},
	} {
		_, err := e.Start(t.Context(), backend.BoxSpec{Image: loaded(t, e, withFile(t, busybox(t, e), file, "")), Network: "none"})
		untestable := backend.Untestable(nil)
		if !errors.As(err, &untestable) || errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "/bin/sh") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnEngineThatAnswersWithErrorsIsInfrastructure(t *testing.T) {
	direct := connect(t)
	id := load(t, direct)
	var mu sync.Mutex
	sick := ""
	through := front(t, direct.Info().Host, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if sick == "" || r.Method == http.MethodDelete || !strings.Contains(r.URL.Path, sick) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `{"message": "layer store: input/output error"}`)
		return true
	})
	set := func(path string) {
		mu.Lock()
		defer mu.Unlock()
		sick = path
	}
	b := started(t, through, backend.BoxSpec{Image: id, Workdir: "/src"})
	defer b.Close()
	for path, do := range map[string]func() error{
		"/exec":    func() error { _, err := b.Exec(t.Context(), "true", io.Discard); return err },
		"/archive": func() error { return b.Put(t.Context(), "/src", treeOf(1)) },
		"/containers/create": func() error {
			_, err := through.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none"})
			return err
		},
		"/start": func() error {
			_, err := through.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none"})
			return err
		},
		"/images/": func() error { _, err := through.Load(t.Context(), enginetest.Busybox(t)); return err },
	} {
		set(path)
		since := time.Now()
		infrastructure(t, path, do(), since, 10*time.Second, "input/output error")
	}
	set("/containers/create")
	if _, err := through.Load(t.Context(), enginetest.Busybox(t)); err != nil {
		t.Fatal(err)
	}
	if words := through.Diagnose(t.Context()); !strings.Contains(words, "input/output error") {
		t.Errorf("diagnosis: %q", words)
	}
	set("")
}

// front is a connection to the engine at host through a proxy, which asks before about each request: true has
// answered it.
func front(t *testing.T, host string, before func(http.ResponseWriter, *http.Request) bool) *Engine {
	t.Helper()
	path, local := strings.CutPrefix(host, "unix://")
	if !local {
		t.Skip("needs an engine on a local socket")
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { panic(http.ErrAbortHandler) }
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	t.Setenv("DOCKER_HOST", "tcp://"+listener.Addr().String())
	return connect(t)
}
