package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// aTool makes a tool of a script of the test's own.
func aTool(t *testing.T, text string) (*catalogue.Catalogue, catalogue.Pick) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tool.sh")
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256([]byte(text))
	c, err := catalogue.Shipped().Declare(catalogue.Toolchain{
		Tool: "mytool", Version: "v1", Dest: "/usr/local/bin/mytool", Sources: []catalogue.Source{&catalogue.File{Path: file, SHA256: hex.EncodeToString(s[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, catalogue.Pick{Tool: "mytool", Version: "v1"}
}

func TestWhatABuilderMadeIsToldApartAndFoundByItsLock(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase)
	tools, tool := aTool(t, "#!/bin/sh\n")
	b := &Builder{Cache: t.TempDir(), Catalogue: tools}
	_, err := (cache.Dir{Root: b.Cache}).Get(t.Context(), "tools", "another", func(string) {}, func(_ context.Context, dir string) (map[string]string, error) {
		return map[string]string{"tool": "make", "version": "4.4.1", "provider": "debian"}, os.WriteFile(filepath.Join(dir, cache.ToolLayer), []byte("another"), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Prepare(t.Context(), []catalogue.Spec{{Base: catalogue.Base{Image: ref}, Picks: []catalogue.Pick{tool}}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), LockName)
	if err := b.Used().Write(file); err != nil {
		t.Fatal(err)
	}
	if err := cache.NoteLock(b.Cache, file); err != nil {
		t.Fatal(err)
	}
	stock, err := cache.Stock(b.Cache, func(line string) { t.Errorf("warned %q", line) })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range stock {
		got = append(got, fmt.Sprint(s.Kind, " ", s.Provider, " ", s.What, " ", b.Used().Names(s), " ", slices.Equal(s.Locks, []string{file})))
		if s.Size == 0 || s.Made.IsZero() || s.Used.IsZero() {
			t.Errorf("%s: size %d, made %s, used %s", s.ID, s.Size, s.Made, s.Used)
		}
	}
	slices.Sort(got)
	want := []string{"base image " + ref + " true true", "tool debian make 4.4.1 false false", "tool file mytool v1 true true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
