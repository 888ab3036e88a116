package images

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"buildbisect/images/catalogue"
)

// world is a base by tag and a tool from a file.
func world(t *testing.T, host, content string) (*catalogue.Catalogue, catalogue.Spec) {
	t.Helper()
	c := withFile(t, &catalogue.Catalogue{}, "make", "4", "/usr/bin/make", content)
	return c, catalogue.Spec{Base: catalogue.Base{Image: host + "/base:latest"}, Picks: []catalogue.Pick{{Tool: "make", Version: "4"}}}
}

func TestALockKeepsWhatATagWas(t *testing.T) {
	host, _ := newRegistry(t)
	push(t, host+"/base:latest", runtime.GOARCH, smallBase)
	c, spec := world(t, host, "make")
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	image, err := b.Image(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), LockName)
	if err := b.Used().Write(file); err != nil {
		t.Fatal(err)
	}
	push(t, host+"/base:latest", runtime.GOARCH, smallBase, []string{"etc/"})

	lock, err := LockBeside(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	again := &Builder{Cache: t.TempDir(), Catalogue: c, Lock: lock, Locked: true}
	second, err := again.Image(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if one, two := engineID(t, image), engineID(t, second); one != two {
		t.Errorf("the same lock gives %s and %s", one, two)
	}
	other := filepath.Join(t.TempDir(), LockName)
	if err := again.Used().Write(other); err != nil {
		t.Fatal(err)
	}
	one, err1 := os.ReadFile(file)
	two, err2 := os.ReadFile(other)
	if err := errors.Join(err1, err2); err != nil || string(one) != string(two) {
		t.Errorf("the lock made from a lock differs: %v\n%s\n%s", err, one, two)
	}
}

func TestWhatIsNotAsLockedIsSaidOrRefused(t *testing.T) {
	host, _ := newRegistry(t)
	push(t, host+"/base:latest", runtime.GOARCH, smallBase)
	c, spec := world(t, host, "make")
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	if _, err := b.Image(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	lock := b.Used()
	for name, test := range map[string]struct {
		change func(*Lock)
		want   string
	}{
		"layer of a tool": {func(l *Lock) { l.Tools[0].Layer = "sha256:other" }, "make 4: not as bisect.lock says"},
		"another file":    {func(l *Lock) { l.Tools[0].Asked = "other" }, "another description"},
		"no tool":         {func(l *Lock) { l.Tools = nil }, "the lock lacks it"},
		"layers of base":  {func(l *Lock) { l.Bases[0].Layers = nil }, "its content is another"},
		"no base":         {func(l *Lock) { l.Bases = nil }, "the lock lacks it"},
	} {
		changed := b.Used()
		test.change(changed)
		h := &heard{}
		loose := &Builder{Cache: t.TempDir(), Catalogue: c, Lock: changed, Progress: h.say}
		if _, err := loose.Image(t.Context(), spec); err != nil || !h.about(test.want) || len(loose.Drift()) != 1 {
			t.Errorf("%s: got %v, said %q", name, err, h.lines)
		}
		var drift *DriftError
		strict := &Builder{Cache: t.TempDir(), Catalogue: c, Lock: changed, Locked: true}
		if _, err := strict.Image(t.Context(), spec); !errors.As(err, &drift) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, locked: got %v", name, err)
		}
	}
	strict := &Builder{Cache: t.TempDir(), Catalogue: c, Lock: lock, Locked: true}
	if _, err := strict.Image(t.Context(), spec); err != nil || len(strict.Drift()) != 0 {
		t.Errorf("nothing has changed: %v, %q", err, strict.Drift())
	}
}

func TestALockThatCannotServeHereIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1\nplatform: linux/vax\n":          "is for linux/vax",
		"version: 7\nplatform: " + platform() + "\n": "version 7",
		"version: 1\nplatfrom: x\n":                  "platfrom",
		"version: [\n":                               "bisect images lock",
		"":                                           "bisect images lock",
		"version: 1\nplatform: linux/vax\nextra: true\n": "extra",
	} {
		if _, err := ParseLock([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if l, err := LockBeside(t.TempDir()); l != nil || err != nil {
		t.Errorf("a folder without a lock: %v, %v", l, err)
	}
}

func TestALockSaysWhichPackagesHaveChanged(t *testing.T) {
	got := changed([]string{"a 1", "b 1", "c 1"}, []string{"a 1", "b 2"})
	if got != "; now b 2, not b 1, not c 1" {
		t.Errorf("got %q", got)
	}
}
