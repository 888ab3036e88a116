package runner_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/runner/lab"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// build is what a fake box does with a script: files is the tree that was put, env the box's.
type build func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error)

// engine is a small engine in memory. Every box must be closed: open counts those that are not.
type engine struct {
	build build

	mu    sync.Mutex
	open  int
	most  int // that were open at a time
	specs []backend.BoxSpec
	loads []string
}

func (e *engine) Load(_ context.Context, image *images.Image) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loads = append(e.loads, image.Name)
	return image.Name, nil
}
func (e *engine) Check(_ context.Context, _ string, _ []images.Check) error { return nil }
func (e *engine) Start(_ context.Context, s backend.BoxSpec) (backend.Box, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open++
	e.most = max(e.most, e.open)
	e.specs = append(e.specs, s)
	return &box{engine: e, spec: s, files: map[string]string{}}, nil
}

type box struct {
	engine *engine
	spec   backend.BoxSpec
	files  map[string]string
}

func (b *box) Put(_ context.Context, dir string, r io.Reader) error {
	files := tar.NewReader(r)
	for {
		h, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		b.files[dir+"/"+h.Name] = string(text)
	}
}

func (b *box) Exec(ctx context.Context, script string, out io.Writer) (backend.Exit, error) {
	files := maps.Clone(b.files)
	files["script"] = script
	return b.engine.build(ctx, files, append(slices.Clone(b.spec.Env), b.spec.Secrets...), out)
}

func (b *box) Close() error {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	b.engine.open--
	return nil
}

// source has one file, `commit`, whose text is the commit's id; trees of commits can be made equal.
type source struct{ trees map[string]string }

func (s source) Tree(_ context.Context, commit string) (string, error) {
	if tree, ok := s.trees[commit]; ok {
		return tree, nil
	}
	return "tree-of-" + commit, nil
}

func (s source) WriteTar(_ context.Context, commit string, w io.Writer) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: "commit", Mode: 0o644, Size: int64(len(commit))}); err != nil {
		return err
	}
	if _, err := io.WriteString(t, commit); err != nil {
		return err
	}
	return t.Close()
}

// composer names images by their picks and makes none.
type composer struct{}

func (composer) Identity(_ context.Context, spec catalogue.Spec) (string, error) {
	return fmt.Sprint(spec.Picks), nil
}
func (c composer) Image(ctx context.Context, spec catalogue.Spec) (*images.Image, error) {
	name, err := c.Identity(ctx, spec)
	return &images.Image{Name: name}, err
}

func (composer) Prepare(context.Context, []catalogue.Spec) error { return nil }

// lineOf is a history of n commits c1 to cn above the good commit c0.
func lineOf(n int) *space.History {
	h := &space.History{Path: "/repo"}
	for i := range n + 1 {
		h.Commits = append(h.Commits, space.Commit{ID: fmt.Sprintf("c%d", i), Subject: fmt.Sprint("change ", i), Author: "A", When: time.Unix(0, 0)})
		var parents []int
		if i > 0 {
			parents = []int{i - 1}
		}
		h.Parents = append(h.Parents, parents)
		h.Sides = append(h.Sides, bisect.After)
	}
	return h
}

func tool(name string, levels ...string) scenarios.Axis {
	a := scenarios.Axis{Kind: scenarios.ToolAxis, Name: name}
	for _, l := range levels {
		a.Levels = append(a.Levels, scenarios.Level{Text: l})
	}
	return a
}

func variable(name string, levels ...string) scenarios.Axis {
	a := tool(name, levels...)
	a.Kind = scenarios.EnvAxis
	return a
}

type quiet struct{}

func (quiet) Started(int, string, string) {}
func (quiet) Ended(int, journal.Ending)   {}
func (quiet) Proved(string)               {}

// newRun sets a run up over a history and axes, with one stage that has all the time there is.
func newRun(t testing.TB, e *engine, h *space.History, s *scenarios.Scenario) *runner.Run {
	t.Helper()
	s.Name, s.File = "test", "test.yaml"
	s.Builder.Workdir, s.Builder.Network = "/src", "none"
	if s.Stages == nil {
		s.Stages = []scenarios.Stage{{Name: "release", Run: "make release", Timeout: 1000 * time.Hour}}
	}
	s.Verdict.Stage = len(s.Stages) - 1
	if s.Confirm == 0 {
		s.Confirm = 2
	}
	s.Certify = scenarios.Certify{Probes: 16, Time: time.Hour}
	space, err := space.NewSpace(h, s.Axes)
	if err != nil {
		t.Fatal(err)
	}
	state, err := journal.NewState(t.TempDir(), "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
		if e.open != 0 {
			t.Errorf("%d boxes were not closed", e.open)
		}
	})
	lab := &lab.Lab{Scenario: s, Space: space, Source: source{}, Backend: e, Images: composer{}, Run: "b1234567890", Warn: func(text string) { t.Log("warning:", text) }}
	return &runner.Run{
		Lab: lab, State: state, Observer: quiet{}, Now: func() time.Time { return time.Unix(1, 0) },
		Options: bisect.Options{
			Confirm: s.Confirm, CertifyProbes: s.Certify.Probes, Exists: lab.Exists,
		},
	}
}

// commitNumber reads which commit was put into a box.
func commitNumber(files map[string]string) (n int) {
	fmt.Sscanf(files["/src/commit"], "c%d", &n)
	return n
}

// failing builds fail from commit n on, with a line.
func failing(n int, line string) build {
	return func(_ context.Context, files map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		if commitNumber(files) >= n {
			fmt.Fprintln(out, line)
			return backend.Exit{Code: 2}, nil
		}
		return backend.Exit{}, nil
	}
}

var errEngine = fmt.Errorf("the engine is gone: %w", backend.ErrInfrastructure)

func has(list []string, item string) bool {
	for _, l := range list {
		if l == item {
			return true
		}
	}
	return false
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in:\n%s", part, text)
	}
}

var errStopped = errors.New("stopped by the test")

var mustCompile = regexp.MustCompile
