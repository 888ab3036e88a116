package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelved puts an entry into a cache, last used at some time, and returns the digest of its one file.
func shelved(t *testing.T, c Dir, id string, notes map[string]string, used time.Time) string {
	t.Helper()
	kind, key := filepath.Split(id)
	e, err := c.Get(t.Context(), filepath.Clean(kind), key, func(string) {}, func(_ context.Context, dir string) (map[string]string, error) {
		return notes, os.WriteFile(filepath.Join(dir, ToolLayer), []byte(id), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(e.Path(recordName), used, used); err != nil {
		t.Fatal(err)
	}
	return "sha256:" + e.Files[0].SHA256
}

// TestPruneKeepsToItsRules holds random stocks against what is promised of any.
func TestPruneKeepsToItsRules(t *testing.T) {
	now := time.Now()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		var stock []Stocked
		for i := range r.IntN(12) {
			s := Stocked{ID: fmt.Sprint(i), Kind: "tool", Size: r.Int64N(10), Used: now.Add(-time.Duration(i) * time.Hour)}
			if r.IntN(4) == 0 {
				s.Locks = []string{"x"}
			} else if r.IntN(6) == 0 {
				s.Kind = kindUnfinished
			}
			stock = append(stock, s)
		}
		o := PruneOptions{OlderThan: time.Duration(r.IntN(12)) * time.Hour, KeepSize: r.Int64N(40), All: r.IntN(8) == 0, Now: now}
		p := choose(stock, o)
		if len(p.Left)+len(p.Removed) != len(stock) || p.Size()+p.Freed() != total(stock) {
			t.Fatalf("seed %d: %d left and %d removed of %d", seed, len(p.Left), len(p.Removed), len(stock))
		}
		free := slices.DeleteFunc(slices.Clone(p.Left), func(s Stocked) bool { return len(s.Locks) > 0 })
		for _, s := range p.Removed {
			// Removed for its size alone: without it the rest would have been too much, and nothing older is
			// left.
			bySize := !o.All && s.Kind != kindUnfinished && (o.OlderThan == 0 || now.Sub(s.Used) <= o.OlderThan)
			switch {
			case len(s.Locks) > 0:
				t.Errorf("seed %d: removed what a lock needs: %+v", seed, s)
			case bySize && (o.KeepSize == 0 || p.Size()+s.Size <= o.KeepSize && newest(p.Removed, o).ID == s.ID):
				t.Errorf("seed %d: removed without need: %+v under %+v", seed, s, o)
			case bySize && slices.ContainsFunc(free, func(l Stocked) bool { return l.Used.Before(s.Used) }):
				t.Errorf("seed %d: removed %+v, and kept what was unused for longer", seed, s)
			}
		}
		for _, s := range free {
			switch {
			case s.Kind == kindUnfinished, o.All, o.OlderThan > 0 && now.Sub(s.Used) > o.OlderThan:
				t.Errorf("seed %d: kept %+v under %+v", seed, s, o)
			}
		}
		if o.KeepSize > 0 && p.Size() > o.KeepSize && len(free) > 0 {
			t.Errorf("seed %d: %d bytes left, and %d things that might go", seed, p.Size(), len(free))
		}
	}
}

// newest is the last thing that was removed for its size.
func newest(removed []Stocked, o PruneOptions) (last Stocked) {
	for _, s := range removed {
		if s.Kind != kindUnfinished && (o.OlderThan == 0 || o.Now.Sub(s.Used) <= o.OlderThan) && s.Used.After(last.Used) {
			last = s
		}
	}
	return last
}

func TestALockInUseKeepsWhatItNeedsUntilItsFileIsGone(t *testing.T) {
	c, old := Dir{t.TempDir()}, time.Now().Add(-1000*time.Hour)
	digest := shelved(t, c, "tools/a", nil, old)
	shelved(t, c, "tools/b", nil, old)
	file := filepath.Join(t.TempDir(), "bisect.lock")
	// Of another version, and for another machine: the digests alone count.
	if err := os.WriteFile(file, []byte("version: 99\nplatform: linux/other\nthings: ["+digest+"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := NoteLock(c.Root, file); err != nil {
			t.Fatal(err)
		}
	}
	prune := func() *Pruned {
		t.Helper()
		p, err := Prune(t.Context(), c.Root, PruneOptions{All: true, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := prune(); len(p.Removed) != 1 || p.Removed[0].ID != "tools/b" || p.Locked() == 0 || p.Locked() != p.Size() {
		t.Errorf("removed %+v, left %+v", p.Removed, p.Left)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if p := prune(); len(p.Removed) != 1 || len(p.Left) != 0 {
		t.Errorf("removed %+v, left %+v", p.Removed, p.Left)
	}
	if names, err := c.names(rootsName); err != nil || len(names) != 0 {
		t.Errorf("still notes %q, %v", names, err)
	}
}

func TestNothingIsPrunedWhileALockCannotBeRead(t *testing.T) {
	c := Dir{t.TempDir()}
	shelved(t, c, "tools/a", nil, time.Now())
	file := t.TempDir() // a folder in its place: root may read any file
	if err := NoteLock(c.Root, file); err != nil {
		t.Fatal(err)
	}
	_, err := Prune(t.Context(), c.Root, PruneOptions{All: true, Now: time.Now()})
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "or forget it by removing "+c.Root) {
		t.Errorf("got %v", err)
	}
	warned := ""
	if stock, err := Stock(c.Root, func(line string) { warned = line }); err != nil || len(stock) != 1 || !strings.Contains(warned, file) {
		t.Errorf("%+v, %v, warned %q", stock, err, warned)
	}
}

func TestACacheThatIsHeldIsNotPruned(t *testing.T) {
	c := Dir{t.TempDir()}
	shelved(t, c, "tools/a", nil, time.Now())
	silent := func(line string) { t.Errorf("said %q", line) }
	var holds []func()
	for range 2 { // shared
		release, err := Hold(t.Context(), c.Root, silent)
		if err != nil {
			t.Fatal(err)
		}
		holds = append(holds, release)
	}
	all := PruneOptions{All: true, Now: time.Now()}
	for _, release := range holds {
		_, err := Prune(t.Context(), c.Root, all)
		inUse, ok := errors.AsType[*InUseError](err)
		if !ok {
			t.Fatalf("pruned, or %v", err)
		}
		if me := fmt.Sprintf("process %d ", os.Getpid()); len(inUse.By) > 0 && !strings.Contains(err.Error(), me) {
			t.Errorf("%v; want %s", err, me)
		}
		release()
	}
	if p, err := Prune(t.Context(), c.Root, all); err != nil || len(p.Removed) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhoComesWhileTheCacheIsPrunedWaits(t *testing.T) {
	c := Dir{t.TempDir()}
	alone, err := c.holdAlone()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough, said := errors.New("enough"), ""
	if _, err := Hold(ctx, c.Root, func(line string) { said = line; cancel(enough) }); !errors.Is(err, enough) || !strings.Contains(said, "waiting") {
		t.Errorf("%v, said %q", err, said)
	}
	release, err := Hold(t.Context(), c.Root, func(string) { alone() })
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestWhatAKilledPruneBeganIsFinishedByTheNext(t *testing.T) {
	c := Dir{t.TempDir()}
	shelved(t, c, "tools/a", nil, time.Now())
	dir := filepath.Join(c.Root, "tools", "a")
	if err := os.Rename(dir, dir+partSuffix); err != nil { // as remove does first
		t.Fatal(err)
	}
	p, err := Prune(t.Context(), c.Root, PruneOptions{OlderThan: time.Hour, Now: time.Now()})
	if err != nil || len(p.Removed) != 1 || p.Removed[0].Kind != kindUnfinished {
		t.Errorf("%+v, %v", p, err)
	}
	if names, err := c.names("tools"); err != nil || len(names) != 0 {
		t.Errorf("left %q, %v", names, err)
	}
}
