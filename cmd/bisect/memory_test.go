package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
	"buildbisect/runner/session"
)

// memory is a back end in memory: each box is a map of files, and a script fails where there is a file named
// broken. It keeps resources, as an engine does. It shows that a back end is one package and one line in
// places.
type memory struct {
	mu        sync.Mutex
	labels    map[string]string
	resources map[string]backend.Resource // by name
}

func (m *memory) Check(context.Context, string, []images.Check) error { return nil }
func (m *memory) Load(_ context.Context, i *images.Image) (string, error) {
	return i.Name, nil
}

func (m *memory) Start(_ context.Context, spec backend.BoxSpec) (backend.Box, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	labels := maps.Clone(m.labels)
	maps.Copy(labels, spec.Labels)
	labels[backend.LabelOwner] = "1"
	m.resources[spec.Name] = backend.Resource{Kind: backend.KindContainer, Name: spec.Name, Labels: labels}
	return &memoryBox{in: m, name: spec.Name, files: map[string]bool{}}, nil
}

type memoryBox struct {
	in    *memory
	name  string
	files map[string]bool
}

func (b *memoryBox) Put(_ context.Context, _ string, r io.Reader) error {
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b.files[h.Name] = true
	}
}

func (b *memoryBox) Exec(_ context.Context, _ string, out io.Writer) (backend.Exit, error) {
	if b.files["broken"] {
		fmt.Fprintln(out, "error: broken")
		return backend.Exit{Code: 2}, nil
	}
	return backend.Exit{}, nil
}

func (b *memoryBox) Close() error {
	b.in.mu.Lock()
	defer b.in.mu.Unlock()
	delete(b.in.resources, b.name)
	return nil
}

// It needs no images: what a spec picks is the name of one.
func (m *memory) Identity(_ context.Context, spec catalogue.Spec) (string, error) {
	return fmt.Sprint(spec.Picks), nil
}
func (m *memory) Image(ctx context.Context, spec catalogue.Spec) (*images.Image, error) {
	name, err := m.Identity(ctx, spec)
	return &images.Image{Name: name}, err
}
func (m *memory) Prepare(context.Context, []catalogue.Spec) error { return nil }

func (m *memory) ID() string                       { return "memory-1" }
func (m *memory) Own(labels map[string]string)     { m.labels = labels }
func (m *memory) Guard(string) (release func())    { return func() {} }
func (m *memory) Capacity() (cpus int, size int64) { return 8, 8 << 30 }

func (m *memory) listed(want func(backend.Resource) bool) (all []backend.Resource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.resources)) {
		if r := m.resources[name]; want(r) {
			all = append(all, r)
		}
	}
	return all
}

func (m *memory) Owned(context.Context) ([]backend.Resource, error) {
	return m.listed(func(r backend.Resource) bool { return r.Labels[backend.LabelOwner] != "" }), nil
}

func (m *memory) Named(_ context.Context, marks ...string) ([]backend.Resource, error) {
	return m.listed(func(r backend.Resource) bool {
		return r.Labels[backend.LabelOwner] == "" && slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(r.Name, mark) })
	}), nil
}

func (m *memory) UnusedBuilders(context.Context) ([]backend.Resource, error) { return nil, nil }

func (m *memory) Remove(_ context.Context, all []backend.Resource) ([]backend.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range all {
		delete(m.resources, r.Name)
	}
	return all, nil
}

func (m *memory) Sweep(ctx context.Context, run string) error {
	_, err := m.Remove(ctx, m.listed(func(r backend.Resource) bool { return r.Labels[backend.LabelRun] == run }))
	return err
}

// brokenAt makes a repository of n commits in the current folder, of which those from one on have a file
// named broken. It returns their ids.
func brokenAt(t *testing.T, n, from int) (ids []string) {
	t.Helper()
	git := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	for i := range n {
		name := fmt.Sprint("file", i)
		if i == from {
			name = "broken"
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", fmt.Sprint("change ", i))
		ids = append(ids, git("rev-parse", "HEAD"))
	}
	return ids
}

func TestABackEndIsOnePackageAndOneLine(t *testing.T) {
	m := &memory{resources: map[string]backend.Resource{}}
	own := places
	t.Cleanup(func() { places = own })
	places = append(slices.Clone(own), place{"memory", "a map", true, func(context.Context, *job) (*opened, error) {
		return &opened{Backend: m, close: func() error { return nil }}, nil
	}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	ids := brokenAt(t, 20, 13)
	scenario := "version: 1\nname: demo\nsource: {repo: ., good: " + ids[0] + ", bad: HEAD}\nbuilder: {base: {image: none}}\nstages: [{name: build, run: make}]\nverdict: {bad: {stage: build}}\n"
	if err := os.WriteFile("bisect.yaml", []byte(scenario), 0o644); err != nil {
		t.Fatal(err)
	}
	bisect := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := (command{&out, &errs}).run(t.Context(), append([]string{"bisect"}, args...)); got != want {
			t.Fatalf("bisect %q: status %d, want %d\n%s%s", args, got, want, &out, &errs)
		}
		if len(m.resources) > 0 {
			t.Errorf("bisect %q leaves %v", args, m.resources)
		}
		return out.String()
	}
	culprit := func(text string) string {
		var report struct {
			Causes []struct{ Point map[string]string }
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Causes) != 1 {
			t.Fatalf("%v, %d causes in %s", err, len(report.Causes), text)
		}
		return report.Causes[0].Point["commit"]
	}
	if got := culprit(bisect(exitOK, "run", "--runner", "memory", "--json", "-j", "2")); got != ids[13] {
		t.Errorf("run blames %s", got)
	}
	bisect(exitInconclusive, "run", "--runner", "memory", "--max-trials", "3", "--state", "cut")
	runs, err := filepath.Glob("cut/*-demo")
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	if got := culprit(bisect(exitOK, "resume", "--json", "--max-trials", "99", runs[0])); got != ids[13] {
		t.Errorf("resume blames %s", got)
	}
	bisect(exitOK, "probe", "--runner", "memory", "--at", "commit="+ids[12])
	bisect(1, "probe", "--runner", "memory", "--at", "commit="+ids[13])

	gone := session.Here()
	gone.Run, gone.Session, gone.PID = "babcdefghij", "babcdefghij.x", 1<<22+1 // no Linux numbers processes so high
	labels := gone.Labels()
	labels[backend.LabelOwner] = "1"
	m.resources["left"] = backend.Resource{Kind: backend.KindContainer, Name: "left", Labels: labels}
	if out := bisect(exitOK, "gc", "--runner", "memory"); !strings.Contains(out, "removed 1 container") {
		t.Error(out)
	}
}
