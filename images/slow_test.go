package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestEveryShippedToolchainBuildsAndPrintsItsVersion needs the Go module proxy the first time. What a tool prints is
// checked by the build itself.
func TestEveryShippedToolchainBuildsAndPrintsItsVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs")
	}
	first := &Builder{Cache: t.TempDir(), Progress: func(line string) { t.Log(line) }}
	sums := map[string]string{}
	for _, tool := range Shipped().Tools() {
		for _, version := range Shipped().Versions(tool) {
			f, err := makeShipped(t, first, tool, version)
			if err != nil {
				t.Error(err)
				continue
			}
			sums[tool] = f.sum // the newest of each is built again below
		}
	}
	second := &Builder{Cache: t.TempDir()}
	for tool, want := range sums {
		versions := Shipped().Versions(tool)
		f, err := makeShipped(t, second, tool, versions[len(versions)-1])
		if err != nil {
			t.Error(err)
		} else if f.sum != want {
			t.Errorf("%s: %s from one empty cache, %s from another", tool, want, f.sum)
		}
	}
}

func makeShipped(t *testing.T, b *Builder, tool, version string) (*toolFile, error) {
	t.Helper()
	tc, err := b.catalogue().Lookup(tool, version)
	if err != nil {
		return nil, err
	}
	recipe, err := b.recipe(t.Context(), tc)
	if err != nil {
		return nil, err
	}
	return b.tool(t.Context(), tc, recipe)
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
	spec := Spec{Base: Base{Debian: &Debian{Suite: "bookworm", Packages: []string{"make"}}}}
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
