package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func fillWith(text string, calls *atomic.Int32) fillFunc {
	return func(_ context.Context, dir string) (map[string]string, error) {
		calls.Add(1)
		return nil, os.WriteFile(filepath.Join(dir, "data"), []byte(text), 0o644)
	}
}

func TestOneEntryIsMadeOnceHoweverManyAskForIt(t *testing.T) {
	c := Dir{t.TempDir()}
	var calls atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			e, err := c.Get(t.Context(), "k", "a", func(string) {}, fillWith("x", &calls))
			if err != nil {
				t.Error(err)
				return
			}
			if b, err := os.ReadFile(e.Path("data")); err != nil || string(b) != "x" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
}

func TestADamagedEntryIsNoticedAndMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"content":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "data"), []byte("y"), 0o644) },
		"cut":        func(dir string) error { return os.Truncate(filepath.Join(dir, "data"), 0) },
		"missing":    func(dir string) error { return os.Remove(filepath.Join(dir, "data")) },
		"no record":  func(dir string) error { return os.Remove(filepath.Join(dir, recordName)) },
		"bad record": func(dir string) error { return os.Truncate(filepath.Join(dir, recordName), 5) },
	} {
		t.Run(name, func(t *testing.T) {
			c := Dir{t.TempDir()}
			var calls atomic.Int32
			get := func(say func(string)) *Entry {
				e, err := c.Get(t.Context(), "k", "a", say, fillWith("x", &calls))
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			if err := damage(get(func(string) {}).Path("")); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			e := get(func(line string) { said.WriteString(line) })
			if b, _ := os.ReadFile(e.Path("data")); string(b) != "x" || calls.Load() != 2 {
				t.Errorf("got %q after %d makings", b, calls.Load())
			}
			if !strings.Contains(said.String(), "damaged") {
				t.Errorf("nothing was said of it: %q", said.String())
			}
		})
	}
}

func TestWhatAKilledProcessLeftIsSweptAndAFailureLeavesNothing(t *testing.T) {
	c := Dir{t.TempDir()}
	part := filepath.Join(c.Root, "k", "a.part")
	if err := os.MkdirAll(part, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(part, "half"), []byte("z"), 0o644); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	fail := func(context.Context, string) (map[string]string, error) { return nil, boom }
	if _, err := c.Get(t.Context(), "k", "a", func(string) {}, fail); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(c.Root, "k")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	var calls atomic.Int32
	e, err := c.Get(t.Context(), "k", "a", func(string) {}, fillWith("x", &calls))
	if err != nil || len(e.Files) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestWaitingForAnotherProcessEndsWithTheContext(t *testing.T) {
	c := Dir{t.TempDir()}
	unlock, err := c.Lock(t.Context(), "k-a", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	said := ""
	_, err = c.Get(ctx, "k", "a", func(line string) { said = line; cancel(enough) }, fillWith("x", new(atomic.Int32)))
	if !errors.Is(err, enough) || !strings.Contains(said, "waiting") {
		t.Errorf("%v, said %q", err, said)
	}
}

func TestTheDefaultCacheFollowsXDG(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/somewhere")
	if dir, err := Default(); err != nil || dir != "/somewhere/bisect" {
		t.Errorf("%s, %v", dir, err)
	}
}
