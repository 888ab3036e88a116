package images

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

func TestAToolsetIsThePicksUnpackedWithoutABase(t *testing.T) {
	archive := packed(t, "jq-1/bin/jq*", "jq-1/bin/jaq -> jq", "jq-1/lib/data")
	url := site(t, map[string][]byte{"/jq.tgz": archive})
	c := declared(t, catalogue.Toolchain{
		Tool: "jq", Version: "1", Dest: "/usr/local/bin/jq", Tree: "/opt/jq", Program: "bin/jq", Also: map[string]string{"/usr/local/bin/jaq": "bin/jaq"},
		Command: []string{"/usr/local/bin/jq", "--version"}, Want: "jq-1",
		Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq.tgz", SHA256: sha(archive), Member: "jq-1"}},
	})
	c = withFile(t, c, "say", "2", "/usr/bin/say", "#!/bin/sh\necho 2\n")
	b := &Builder{Cache: toolCache(t), Catalogue: c}
	spec := catalogue.Spec{Base: catalogue.Base{Image: "nowhere.invalid/none@sha256:" + strings.Repeat("0", 64)}, Picks: []catalogue.Pick{{Tool: "jq", Version: "1"}, {Tool: "say", Version: "2"}}}
	set, err := b.Tools(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"/usr/local/bin/jq": "content of jq-1/bin/jq", "/usr/local/bin/jaq": "content of jq-1/bin/jq", "/usr/bin/say": "#!/bin/sh\necho 2\n"} {
		got, err := os.ReadFile(set.Links[at])
		info, _ := os.Stat(set.Links[at])
		if err != nil || string(got) != want || info.Mode().Perm() != 0o555 {
			t.Errorf("%s: %q, %v, %v", at, got, info, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(set.Links["/opt/jq"], "lib", "data")); err != nil || string(data) != "content of jq-1/lib/data" {
		t.Errorf("the folder: %q, %v", data, err)
	}
	if got := set.Checks[0].Command; !slices.Equal(got, []string{set.Links["/usr/local/bin/jq"], "--version"}) {
		t.Errorf("jq is checked by %q", got)
	}
	if got := set.Checks[1].Command; !slices.Equal(got, []string{set.Links["/usr/bin/say"]}) {
		t.Errorf("say is checked by %q", got)
	}
	if id, err := b.ToolsIdentity(t.Context(), spec); err != nil || id != set.Identity {
		t.Errorf("identity %s, before it was made %s, %v", set.Identity, id, err)
	}
	other, err := b.ToolsIdentity(t.Context(), catalogue.Spec{Picks: spec.Picks[:1]})
	if err != nil || other == set.Identity {
		t.Errorf("fewer tools have the same identity: %v", err)
	}
}

func TestAnAbsentToolOfAToolsetIsHiddenAtAllItsPlaces(t *testing.T) {
	set, err := (&Builder{Cache: t.TempDir()}).Tools(t.Context(), catalogue.Spec{Picks: []catalogue.Pick{{Tool: "buildx", Absent: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"/usr/local/lib/docker/cli-plugins/docker-buildx", "/usr/libexec/docker/cli-plugins/docker-buildx", "/usr/bin/buildx"} {
		if !slices.Contains(set.Hidden, place) {
			t.Errorf("%s is not hidden; hidden are %q", place, set.Hidden)
		}
	}
	if len(set.Links) > 0 || len(set.Checks) > 0 {
		t.Errorf("got %+v", set)
	}
}

// toolCache is a cache that t can remove though there are closed folders in it.
func toolCache(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := cache.RemoveTree(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// unpacks is a maker of the tool say 1.
func unpacks(t *testing.T, cache string) (*Builder, catalogue.Spec) {
	t.Helper()
	c := withFile(t, catalogue.Shipped(), "say", "1", "/usr/bin/say", "#!/bin/sh\necho 1\n")
	return &Builder{Cache: cache, Catalogue: c}, catalogue.Spec{Picks: []catalogue.Pick{{Tool: "say", Version: "1"}}}
}

// opened has a folder written to by an owner who may not.
func opened(dir string, harm func() error) error {
	return errors.Join(os.Chmod(dir, 0o755), harm(), os.Chmod(dir, 0o555))
}

// TestAToolThatWasWrittenToIsUnpackedAgain plays a build that has written to what it was given: nothing keeps
// root's from that.
func TestAToolThatWasWrittenToIsUnpackedAgain(t *testing.T) {
	kept := toolCache(t)
	b, spec := unpacks(t, kept)
	first, err := b.Tools(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	say := first.Links["/usr/bin/say"]
	dir := filepath.Dir(say)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("its folder: %v, %v", info, err)
	}
	for _, test := range []struct {
		said string
		harm func() error
	}{
		{"nothing", nil},
		{"say has mode -rwxr-xr-x, not -r-xr-xr-x", func() error { return os.Chmod(say, 0o755) }},
		{"say was written to or replaced", func() error {
			return errors.Join(os.Chmod(say, 0o755), os.WriteFile(say, []byte("#!/bin/sh\necho 2\n"), 0o755), os.Chmod(say, 0o555))
		}},
		{"say was removed", func() error { return os.Remove(say) }},
		{"more was added", func() error { return os.WriteFile(filepath.Join(dir, "more"), nil, 0o644) }},
		{"say was written to or replaced", func() error { return errors.Join(os.Remove(say), os.Mkdir(say, 0o755)) }},
		{"a was added, b was added, c was added and 1 more", func() error {
			var errs []error
			for _, name := range []string{"a", "b", "c", "d"} {
				errs = append(errs, os.Mkdir(filepath.Join(dir, name), 0o555))
			}
			return errors.Join(errs...)
		}},
	} {
		if test.harm == nil {
			if err := first.Changed(); err != nil {
				t.Errorf("nothing was done to it: %v", err)
			}
			continue
		}
		before, err := b.Tools(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := opened(dir, test.harm); err != nil {
			t.Fatal(err)
		}
		if err := before.Changed(); err == nil || !strings.HasSuffix(err.Error(), ": "+test.said) {
			t.Errorf("got %v, want %s", err, test.said)
		}
		after, err := b.Tools(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(after.Links["/usr/bin/say"]); err != nil || string(got) != "#!/bin/sh\necho 1\n" || after.Links["/usr/bin/say"] != say {
			t.Errorf("%s: got %q, %v at %s", test.said, got, err, after.Links["/usr/bin/say"])
		}
		// Who ran on the harmed one is not to be told that it is well again.
		if err := before.Changed(); err == nil {
			t.Errorf("%s: the harm is forgotten", test.said)
		}
	}
	stock, err := cache.Stock(kept, func(text string) { t.Error(text) })
	if err != nil || !slices.ContainsFunc(stock, func(s cache.Stocked) bool {
		return s.Kind == "tool" && s.What == "say 1" && strings.HasPrefix(s.ID, cache.Unpacked+"/")
	}) {
		t.Errorf("it is not in stock: %+v, %v", stock, err)
	}
	if _, err := cache.Prune(t.Context(), kept, cache.PruneOptions{All: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(say); !os.IsNotExist(err) {
		t.Errorf("pruned, it is still there: %v", err)
	}
}

// TestAToolThatWasChangedAtEqualSizeAndTimeIsNoticed sets back all that a program can set back.
func TestAToolThatWasChangedAtEqualSizeAndTimeIsNoticed(t *testing.T) {
	dir := toolCache(t)
	for what, change := range map[string]func(say string) error{
		"written to": func(say string) error {
			return errors.Join(os.Chmod(say, 0o755), os.WriteFile(say, []byte("#!/bin/sh\necho 2\n"), 0o755), os.Chmod(say, 0o555))
		},
		"replaced": func(say string) error {
			return errors.Join(os.WriteFile(say+".new", []byte("#!/bin/sh\necho 2\n"), 0o555), os.Rename(say+".new", say))
		},
	} {
		for _, running := range []bool{true, false} { // while a process uses it, and while none does
			b, spec := unpacks(t, dir)
			before, err := b.Tools(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			say := before.Links["/usr/bin/say"]
			info, err := os.Stat(say)
			if err != nil {
				t.Fatal(err)
			}
			harm := func() error { return errors.Join(change(say), os.Chtimes(say, info.ModTime(), info.ModTime())) }
			if err := opened(filepath.Dir(say), harm); err != nil {
				t.Fatal(err)
			}
			if now, err := os.Stat(say); err != nil || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) || now.Mode() != info.Mode() {
				t.Fatalf("that is another case: %v, %v", now, err)
			}
			if running {
				if err := before.Changed(); err == nil || !strings.HasSuffix(err.Error(), ": say was written to or replaced") {
					t.Errorf("%s: got %v", what, err)
				}
			} else {
				for _, u := range before.Unpacked {
					if err := u.letGo(); err != nil {
						t.Fatal(err)
					}
				}
				b, spec = unpacks(t, dir)
			}
			after, err := b.Tools(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(after.Links["/usr/bin/say"]); string(got) != "#!/bin/sh\necho 1\n" || err != nil {
				t.Errorf("%s, in use %t: it is still %q, %v", what, running, got, err)
			}
		}
	}
}

// TestAHarmedToolStaysForThoseWhoUseIt plays another bisect that starts while builds of a first one run.
func TestAHarmedToolStaysForThoseWhoUseIt(t *testing.T) {
	kept := toolCache(t)
	live, spec := unpacks(t, kept)
	next := &Builder{Cache: kept, Catalogue: live.Catalogue}
	links := func(b *Builder) string {
		t.Helper()
		set, err := b.Tools(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		return set.Links["/usr/bin/say"]
	}
	say := links(live)
	if got := links(next); got != say {
		t.Errorf("unharmed, it is not shared: %s and %s", say, got)
	}
	before, err := os.Stat(say)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(say)
	if err := opened(dir, func() error { return os.Mkdir(filepath.Join(dir, "__pycache__"), 0o755) }); err != nil {
		t.Fatal(err)
	}
	beside := links(next)
	if text, err := os.ReadFile(beside); err != nil || string(text) != "#!/bin/sh\necho 1\n" || beside == say {
		t.Errorf("the other's at %s: %q, %v", beside, text, err)
	}
	if after, err := os.Stat(say); err != nil || !os.SameFile(before, after) {
		t.Errorf("the tool of a live run was removed under its builds: %v", err)
	}
	// The first sees for itself, and then takes what is unpacked already.
	if got := links(live); got != say && got != beside {
		t.Errorf("it has %s then, not %s or %s", got, say, beside)
	}
}

// TestAToolOfDebianRunsFromWhereItIsUnpacked takes one whose libraries differ from any machine's: the path of
// its loader is in it.
func TestAToolOfDebianRunsFromWhereItIsUnpacked(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches packages from Debian's mirror")
	}
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	b := &Builder{Cache: toolCache(t), Progress: func(line string) { t.Log(line) }}
	set, err := b.Tools(t.Context(), catalogue.Spec{Picks: []catalogue.Pick{{Tool: "make", Version: "4.4.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	program := set.Links["/usr/bin/make"]
	out, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "GNU Make 4.4.1\n") {
		t.Errorf("got %q, %v", out, err)
	}
	trace := exec.Command(program)
	trace.Env = []string{"LD_TRACE_LOADED_OBJECTS=1"}
	out, err = trace.CombinedOutput()
	if err != nil || !strings.Contains(string(out), b.Cache+"/"+cache.Unpacked) {
		t.Errorf("it loads %q, %v", out, err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, b.Cache) && !strings.Contains(line, "linux-vdso") {
			t.Errorf("it loads %s", line)
		}
	}
	// Moved, the cache has it put together again.
	moved := filepath.Join(toolCache(t), "elsewhere")
	if err := os.Rename(b.Cache, moved); err != nil {
		t.Fatal(err)
	}
	set, err = (&Builder{Cache: moved, Offline: true}).Tools(t.Context(), catalogue.Spec{Picks: []catalogue.Pick{{Tool: "make", Version: "4.4.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(set.Links["/usr/bin/make"], "--version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "GNU Make 4.4.1\n") {
		t.Errorf("moved: got %q, %v", out, err)
	}
}
