package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// moduleOf is a catalogue with one tool, built from the wrapper module in pin.
func moduleOf(t *testing.T, pin, want string) *catalogue.Catalogue {
	t.Helper()
	c, err := (&catalogue.Catalogue{}).Declare(catalogue.Toolchain{
		Tool: "hello", Version: "1.0", Dest: "/usr/bin/hello", Command: []string{"hello", "--version"}, Want: want,
		Sources: []catalogue.Source{&catalogue.Module{Package: "pin", LDFlags: "-X main.version={version}", Pin: []byte(pin)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hello needs nothing but the standard library.
const hello = `
-- go.mod --
module pin

go 1.26
-- main.go --
package main

import "os"

var version = "unset"

func main() { os.Stdout.WriteString("hello " + version + " from GOFLAGS=" + os.Getenv("GOFLAGS") + "\n") }
`

// buildTool builds the catalogue's only tool and returns its layer's path in the cache.
func buildTool(t *testing.T, b *Builder) (string, error) {
	t.Helper()
	tc, err := b.Catalogue.Lookup("hello", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.toolLayer(t.Context(), tc)
	if err != nil {
		return "", err
	}
	return p.layer.path, nil
}

func TestAModuleToolIsTheSameFromTwoEmptyCachesWhateverTheUsersGoSettings(t *testing.T) {
	one, err := buildTool(t, &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, hello, "hello 1.0 ")})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-mod=vendor -tags=other")
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOOS", "windows")
	h := &heard{}
	two, err := buildTool(t, &Builder{Cache: filepath.Join(t.TempDir(), "a longer path"), Catalogue: moduleOf(t, hello, "hello 1.0 "), Progress: h.say})
	if err != nil {
		t.Fatal(err)
	}
	s1, _, err1 := cache.SumFile(one)
	s2, _, err2 := cache.SumFile(two)
	if err1 != nil || err2 != nil || s1 != s2 {
		t.Errorf("%s %s; %v %v", s1, s2, err1, err2)
	}
	if !h.about("hello 1.0: compiling") || !h.about("hello 1.0: built") {
		t.Errorf("said %q", h.lines)
	}
	if left, err := os.ReadDir(filepath.Dir(two)); err != nil || len(left) != 3 {
		t.Errorf("want the layer, what it holds and the record alone, got %v, %v", left, err)
	}
}

// What a scenario has compiled here is run in boxes alone, where it is asked for its version: here it is only
// a file.
func TestAToolThatIsCompiledIsNotRunOnThisMachine(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	hostile := strings.Replace(hello, "func main() {", "func init() { os.WriteFile(`"+trace+"`, nil, 0o644) }\n\nfunc main() {", 1)
	tc, err := moduleOf(t, hostile, "hello 2.0 ").Lookup("hello", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, hostile, "hello 2.0 ")}
	p, err := b.toolLayer(t.Context(), tc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("it was run")
	}
	if left, err := os.ReadDir(filepath.Dir(p.layer.path)); err != nil || len(left) != 3 {
		t.Errorf("want the layer, what it holds and the record alone, got %v, %v", left, err)
	}
}

func TestALockNamesNoOtherGoThanARelease(t *testing.T) {
	for _, name := range []string{"path", "local", "auto", "go1.26.0+path", "../../evil", "go1.99.0-mine", "go1.26.0 -x"} {
		b := &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, hello, "")}
		tc, err := b.Catalogue.Lookup("hello", "1.0")
		if err != nil {
			t.Fatal(err)
		}
		source := candidate{Source: tc.Sources[0], shape: shapeOf(tc)}.id()
		b.Lock = &Lock{Tools: []LockedTool{{Tool: "hello", Version: "1.0", Asked: askedOf(tc), Source: source, Go: name, Layer: "sha256:0"}}}
		b.Locked = true
		if _, err := b.toolLayer(t.Context(), tc); err == nil || !strings.Contains(err.Error(), "no release of Go") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABuildThatFailsShowsWhatTheCompilerSaid(t *testing.T) {
	_, err := buildTool(t, &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, strings.Replace(hello, "var version", "vra version", 1), "")})
	if err == nil || !strings.Contains(err.Error(), "toolchain hello 1.0") || !strings.Contains(err.Error(), "main.go:5") {
		t.Errorf("got %v", err)
	}
}

// needsModule requires a module of our own go.mod, so that it is on this machine, with a checksum that is not
// its own.
const needsModule = `
-- go.mod --
module pin

go 1.26

require github.com/dustin/go-humanize v1.1.0
-- go.sum --
github.com/dustin/go-humanize v1.1.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
github.com/dustin/go-humanize v1.1.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-- main.go --
package main

import _ "github.com/dustin/go-humanize"

func main() {}
`

func TestThePinsChecksumsAreEnforced(t *testing.T) {
	_, err := buildTool(t, &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, needsModule, "")})
	if err == nil || !strings.Contains(err.Error(), "checksum mismatch") {
		t.Errorf("a wrong checksum: %v", err)
	}
	head, tail, _ := strings.Cut(needsModule, "-- go.sum --")
	_, tail, _ = strings.Cut(tail, "-- main.go --")
	_, err = buildTool(t, &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, head+"-- main.go --"+tail, "")})
	if err == nil || !strings.Contains(err.Error(), "missing go.sum entry") {
		t.Errorf("no checksum: %v", err)
	}
}

func TestModulesMissingOfflineAreSaidToBeMissing(t *testing.T) {
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	_, err := buildTool(t, &Builder{Cache: t.TempDir(), Offline: true, Catalogue: moduleOf(t, needsModule, "")})
	var off *OfflineError
	if !errors.As(err, &off) || !strings.Contains(err.Error(), "toolchain hello 1.0") || !strings.Contains(err.Error(), "without --offline") {
		t.Errorf("got %v", err)
	}
}

func TestACancelledBuildEndsWithTheCauseAndLeavesNothing(t *testing.T) {
	b := &Builder{Cache: t.TempDir(), Catalogue: moduleOf(t, hello, "")}
	tc, err := b.Catalogue.Lookup("hello", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	b.Progress = func(string) { cancel(enough) } // the first line comes just before the compiler starts
	if _, err := b.toolLayer(ctx, tc); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(b.Cache, "tools")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestWithoutGoTheErrorSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := &Builder{Cache: t.TempDir()}
	_, err := b.Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}}}, Picks: []catalogue.Pick{{Tool: "docker", Version: "20.10.2"}}})
	if err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutMmdebstrapTheErrorIsTheCommandToRun(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}}}})
	if err == nil || !strings.Contains(err.Error(), "apt-get install --yes mmdebstrap") {
		t.Errorf("got %v", err)
	}
}
