package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"buildbisect/images/catalogue"
)

// TestShippedToolchainsAreTheSameFromTwoCaches needs the Go module proxy the first time. It makes a tool of
// each kind in the user's cache, where it may lie already from another day, and again in an empty one: a tool
// that is compiled, one of a Debian package and one that is fetched as it is. A Debian suite may have gone on
// since that day, and the user's cache rightly has not: then two empty ones are compared. All share Go's own
// build cache, so that the second time costs little more than linking. What a tool prints is checked by each
// build. BISECT_TOOLCHAINS=all does so with every version of every tool, a quarter of an hour.
func TestShippedToolchainsAreTheSameFromTwoCaches(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs")
	}
	say := func(line string) { t.Log(line) }
	// The shipped scenarios need them, too.
	kinds := map[string][]string{"buildx": {"v0.5.1"}, "make": {"4.4.1"}, "go": {"1.23.12"}}
	known, empty := &Builder{Progress: say}, &Builder{Cache: t.TempDir(), Progress: say}
	for _, tool := range catalogue.Shipped().Tools() {
		versions := kinds[tool]
		if os.Getenv("BISECT_TOOLCHAINS") == "all" {
			versions = catalogue.Shipped().Versions(tool)
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

func makeShipped(t *testing.T, b *Builder, tool, version string) (*toolLayer, error) {
	t.Helper()
	tc, err := b.catalogue().Lookup(tool, version)
	if err != nil {
		return nil, err
	}
	return b.toolLayer(t.Context(), tc)
}

// TestADebianBaseIsTheSameFromTwoCachesWhateverTheUsersSettings needs mmdebstrap and a Debian mirror. It
// looks into a base that the shipped scenarios have in the user's cache, and makes it there if it is not yet.
// BISECT_TOOLCHAINS=all has it made again in an empty cache, with another umask, time zone, language and
// home; if the suite has gone on since the user's was made, two empty caches are compared. In every run of
// the tests script rolling of cmd/bisect makes a smaller system twice, and compares.
func TestADebianBaseIsTheSameFromTwoCachesWhateverTheUsersSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("installs Debian")
	}
	if err := debianReady(); err != nil {
		if os.Getenv("BISECT_REQUIRE_DOCKER") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	spec := catalogue.Spec{Base: catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}, Packages: []string{"make"}}}}
	made := func(b *Builder) (id, packages string) {
		image, err := b.Image(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		return engineID(t, image), checkDebian(t, mustOpen(t, image))
	}
	first, then := made(&Builder{})
	if os.Getenv("BISECT_TOOLCHAINS") != "all" {
		return
	}

	t.Setenv("TZ", "Asia/Kathmandu")
	t.Setenv("LC_ALL", "tr_TR.UTF-8")
	t.Setenv("HOME", t.TempDir())
	defer syscall.Umask(syscall.Umask(0o077))
	h := &heard{}
	second, now := made(&Builder{Cache: t.TempDir(), Progress: h.say})
	if !h.about("installing essential packages") {
		t.Errorf("said %q", h.lines)
	}
	if then != now {
		t.Log("the suite has gone on since the user's cache was filled; comparing two empty ones")
		syscall.Umask(0o002)
		first, _ = made(&Builder{Cache: t.TempDir()})
	}
	if first != second {
		t.Errorf("ids differ: %s and %s", first, second)
	}
}

// checkDebian looks for what the machine or the mirror must not leave in a base, and returns what dpkg says
// of the packages in it.
func checkDebian(t *testing.T, layer io.Reader) (packages string) {
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
		if h.Typeflag == tar.TypeReg && (strings.HasPrefix(name, "etc/") || name == "var/lib/dpkg/status") {
			b, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			if name == "var/lib/dpkg/status" {
				packages = string(b)
			}
			if len(hostname) > 3 && bytes.Contains(b, []byte(hostname)) {
				t.Errorf("%s names this machine", name)
			}
		}
	}
	if !seen["usr/bin/make"] || !seen["usr/bin/dash"] {
		t.Error("the base lacks a shell or the package asked for")
	}
	if packages == "" {
		t.Error("the base lacks dpkg's list of packages")
	}
	return packages
}
