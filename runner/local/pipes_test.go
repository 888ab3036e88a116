package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

// within fails the test if do takes long: what waits for a pipe waits for ever, and no context ends it.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: it waits", what)
	}
}

func TestNoPipeThatABuildMadeIsWaitedFor(t *testing.T) {
	e := open(t, noTools{})
	get := func(box backend.Box, name string) (names []string, err error) {
		var buf bytes.Buffer
		err = box.(backend.FileReader).Get(t.Context(), name, &buf)
		for in := tar.NewReader(&buf); ; {
			h, tarErr := in.Next()
			if tarErr != nil {
				return names, err
			}
			names = append(names, h.Name)
		}
	}
	for what, c := range map[string]struct{ script, name, want string }{
		"in an artifact's place":         {"mkfifo out", "out", "out"},
		"in a folder":                    {"mkdir out; mkfifo out/p; echo x >out/q", "out", "out/ out/p out/q"},
		"in its folder's place":          {"mkfifo out", "out/file", ""},
		"behind a link":                  {"mkfifo p; ln -s p out", "out", "out"},
		"in the work folder's place":     {`d=$PWD; cd ..; rm -rf "$d"; mkfifo "$d"`, "out", ""},
		"behind a link in that place":    {`d=$PWD; cd ..; rm -rf "$d"; mkfifo p; ln -s p "$d"`, "out", ""},
		"in the place of a long script":  {`mkfifo ../script`, "out", ""},
		"a link in the script's place":   {`echo kept >../kept; ln -s kept ../script`, "../kept", ""},
		"in the place of the run's lock": {`rm ../../lock; mkfifo ../../lock`, "out", ""},
	} {
		within(t, what, func() {
			box := start(t, e)
			script(t, box, c.script)
			names, _ := get(box, c.name)
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%s: got %q, want %q", what, got, c.want)
			}
			_, err := box.Exec(t.Context(), "cat ../kept 2>/dev/null; true #"+strings.Repeat(" ", argLimit), io.Discard)
			if err != nil {
				t.Errorf("%s: another stage: %v", what, err)
			}
			if text, err := os.ReadFile(filepath.Join(dirOf(box), "kept")); err == nil && string(text) != "kept\n" {
				t.Errorf("%s: it is now %q", what, text)
			}
			if err := box.Close(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

// TestWhatChangesWhileItIsReadIsNotWaitedFor has a process that outlives the stage, and swaps files for pipes
// and folders for files.
func TestWhatChangesWhileItIsReadIsNotWaitedFor(t *testing.T) {
	box := start(t, open(t, noTools{}))
	script(t, box, `mkdir -p out/d; echo x >out/f
mkfifo p; echo x >q; mkdir r; (while :; do mv -fT p out/f; mv -fT q out/f 2>/dev/null; mkfifo p; echo x >q
mv -T out/d r/d; mv -T p out/d; mv -T out/d p; mv -T r/d out/d; done) >/dev/null 2>&1 &`)
	within(t, "a folder at work", func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for n := 0; ctx.Err() == nil; n++ {
			err := box.(backend.FileReader).Get(ctx, "out", io.Discard)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Logf("try %d: %v", n, err)
			}
		}
	})
}

func TestASessionWhoseLockIsAPipeIsSweptAway(t *testing.T) {
	cache := t.TempDir()
	dead := filepath.Join(cache, "local", "dead")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	mkfifo(t, filepath.Join(dead, lockName))
	within(t, "a new start", func() {
		e, err := Open(cache, noTools{}, func(string) {})
		if err != nil {
			t.Error(err)
			return
		}
		if exists(dead) {
			t.Error("it is still there")
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

func dirOf(b backend.Box) string { return b.(*box).dir }

func mkfifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
