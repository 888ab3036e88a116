package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestShippedToolchainsAreTheSameFromTwoCaches needs the Go module proxy the first time. It builds one version of each tool
// in the user's cache, where it may lie already from another day, and again in an empty one. A Debian suite may have gone on
// since that day, and the user's cache rightly has not: then two empty ones are compared. All share Go's own build cache, so
// that the second time costs little more than linking. What a tool prints is checked by each build.
// BISECT_TOOLCHAINS=all does so with every version, some minutes of compiling when Go's cache is empty.
func TestShippedToolchainsAreTheSameFromTwoCaches(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs")
	}
	say := func(line string) { t.Log(line) }
	// The good levels of the shipped scenario: a machine that is tested builds them anyway.
	one := map[string][]string{"docker": {"20.10.2"}, "buildx": {"v0.5.1"}}
	known, empty := &Builder{Progress: say}, &Builder{Cache: t.TempDir(), Progress: say}
	for _, tool := range Shipped().Tools() {
		versions := one[tool]
		if versions == nil || os.Getenv("BISECT_TOOLCHAINS") == "all" {
			versions = Shipped().Versions(tool)
		}
		for _, version := range versions {
			first, err := makeShipped(t, known, tool, version)
			if err != nil {
				t.Error(err)
				continue
			}
			second, err := makeShipped(t, empty, tool, version)
			if err == nil && !slices.Equal(first.made.Packages, second.made.Packages) {
				t.Logf("%s %s: the suite has gone on since the user's cache was filled; comparing two empty ones", tool, version)
				first, err = makeShipped(t, &Builder{Cache: t.TempDir(), Progress: say}, tool, version)
			}
			if err != nil {
				t.Error(err)
			} else if first.layer.hash != second.layer.hash {
				t.Errorf("%s %s: %s in the user's cache, %s from an empty one", tool, version, first.layer.hash, second.layer.hash)
			}
		}
	}
}

func makeShipped(t *testing.T, b *Builder, tool, version string) (*payload, error) {
	t.Helper()
	tc, err := b.catalogue().Lookup(tool, version)
	if err != nil {
		return nil, err
	}
	return b.payload(t.Context(), tc)
}

// TestADebianBaseIsTheSameFromTwoEmptyCaches needs mmdebstrap and a Debian mirror.
func TestADebianBaseIsTheSameFromTwoEmptyCaches(t *testing.T) {
	if testing.Short() {
		t.Skip("installs Debian twice")
	}
	if err := debianReady(); err != nil {
		if os.Getenv("BISECT_REQUIRE_DOCKER") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	spec := Spec{Base: Base{Debian: &Debian{Archive: Archive{Suite: "bookworm"}, Packages: []string{"make"}}}}
	var ids []string
	for range 2 {
		h := &heard{}
		image, err := (&Builder{Cache: t.TempDir(), Progress: h.say}).Image(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if !h.about("installing essential packages") {
			t.Errorf("said %q", h.lines)
		}
		ids = append(ids, engineID(t, image))
		checkDebian(t, mustOpen(t, image))
	}
	if ids[0] != ids[1] {
		t.Errorf("ids differ: %v", ids)
	}
}

// checkDebian looks for what the machine or the mirror must not leave in a base.
func checkDebian(t *testing.T, layer io.Reader) {
	t.Helper()
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for in := tar.NewReader(layer); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(h.Name, "./")
		seen[name] = true
		switch {
		case name == "etc/hostname", name == "etc/resolv.conf", name == "etc/apt/sources.list", strings.HasSuffix(name, "99mmdebstrap"),
			strings.HasPrefix(name, "var/lib/apt/lists/") && strings.Contains(name, "Release"),
			strings.HasPrefix(name, "dev/"), strings.HasPrefix(name, "usr/share/man/man"):
			t.Errorf("the base holds %s", name)
		case h.ModTime.Unix() > epoch:
			t.Errorf("%s is from %s", name, h.ModTime)
		}
		if h.Typeflag == tar.TypeReg && strings.HasPrefix(name, "etc/") {
			b, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			if len(hostname) > 3 && bytes.Contains(b, []byte(hostname)) {
				t.Errorf("%s names this machine", name)
			}
		}
	}
	if !seen["usr/bin/make"] || !seen["usr/bin/dash"] {
		t.Error("the base lacks a shell or the package asked for")
	}
}
