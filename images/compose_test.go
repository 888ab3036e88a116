package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// withFile declares a tool from a file of that content.
func withFile(t *testing.T, c *catalogue.Catalogue, tool, version, dest, content string) *catalogue.Catalogue {
	t.Helper()
	p := filepath.Join(t.TempDir(), tool)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := cache.SumFile(p)
	if err != nil {
		t.Fatal(err)
	}
	c, err = c.Declare(catalogue.Toolchain{Tool: tool, Version: version, Dest: dest, Sources: []catalogue.Source{&catalogue.File{Path: p, SHA256: s}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// list gives a layer's members, one a line: type, mode, owner, name, link, content.
func list(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != epoch {
			t.Errorf("%s has time %s", h.Name, h.ModTime)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%c %o %d:%d %s %s%s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Name, h.Linkname, b)))
	}
}

func TestAToolIsLaidOverTheBaseAndAnswersByEveryPath(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	c := withFile(t, catalogue.Shipped(), "docker", "mine", "/usr/local/bin/docker", "#!mine")
	image, err := (&Builder{Cache: t.TempDir(), Catalogue: c}).Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "docker", Version: "mine"}}})
	if err != nil {
		t.Fatal(err)
	}
	top := list(t, mustOpen(t, image))
	found := regexp.MustCompile(`/\.bisect/([0-9a-f]{16})/docker`).FindStringSubmatch(strings.Join(top, "\n"))
	if found == nil {
		t.Fatalf("no link to the tool: %q", top)
	}
	id := found[1]
	want := []string{ // /bin is a link, and must stay one
		"5 2775 0:0 usr/",
		"5 2775 0:0 usr/bin/",
		"2 777 0:0 usr/bin/docker /.bisect/" + id + "/docker",
		"5 2775 0:0 usr/local/",
		"5 2775 0:0 usr/local/bin/",
		"2 777 0:0 usr/local/bin/docker /.bisect/" + id + "/docker",
	}
	if !slices.Equal(top, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(top, "\n"), strings.Join(want, "\n"))
	}
	want = []string{
		"5 755 0:0 .bisect/",
		"5 755 0:0 .bisect/" + id + "/",
		"0 755 0:0 .bisect/" + id + "/docker #!mine",
	}
	if got := list(t, openLayer(t, image, 1)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		said, err := l.DiffID()
		if read, _, err2 := v1.SHA256(r); err != nil || err2 != nil || read != said {
			t.Errorf("a layer reads as %v and says %v; %v, %v", read, said, err, err2)
		}
	}
}

func TestAnAbsentToolIsHiddenWhereverTheBaseHasIt(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	b := &Builder{Cache: t.TempDir()}
	image, err := b.Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "buildx", Absent: true}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"5 755 0:0 root/",
		"5 755 0:0 root/.docker/",
		"5 755 0:0 root/.docker/cli-plugins/",
		"0 644 0:0 root/.docker/cli-plugins/.wh.docker-buildx",
	}
	if got := list(t, mustOpen(t, image)); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if len(image.Checks) != 0 {
		t.Errorf("nothing is there to be asked: %v", image.Checks)
	}

	bare := catalogue.Base{Image: push(t, host+"/base:2", runtime.GOARCH, []string{"usr/"})}
	if image, err = b.Image(t.Context(), catalogue.Spec{Base: bare, Picks: []catalogue.Pick{{Tool: "buildx", Absent: true}}}); err != nil {
		t.Fatal(err)
	}
	if layers, err := image.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("a base without it needs no layer: %v, %v", layers, err)
	}
	var unknown *catalogue.UnknownError
	if _, err := b.Identity(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "bazel", Absent: true}}}); !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
}

func TestTheSamePartsGiveTheSameBytesOnAnyMachine(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	save := func(picks ...catalogue.Pick) (string, string, []byte) {
		c := withFile(t, catalogue.Shipped(), "docker", "a", "/usr/local/bin/docker", "same")
		c = withFile(t, c, "make", "4", "/usr/bin/make", "make")
		b := &Builder{Cache: t.TempDir(), Catalogue: c}
		spec := catalogue.Spec{Base: base, Picks: picks}
		image, err := b.Image(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		identity, err := b.Identity(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if id := engineID(t, image); image.Name != "bisect/builder:"+strings.TrimPrefix(id, "sha256:")[:16] {
			t.Errorf("%s is not named by its id %s", image.Name, id)
		}
		var out bytes.Buffer
		tag, err := name.NewTag("x/y:z")
		if err != nil {
			t.Fatal(err)
		}
		if err := tarball.Write(tag, image, &out); err != nil {
			t.Fatal(err)
		}
		return identity, engineID(t, image), out.Bytes()
	}
	i1, id1, b1 := save(catalogue.Pick{Tool: "docker", Version: "a"}, catalogue.Pick{Tool: "make", Version: "4"})
	i2, id2, b2 := save(catalogue.Pick{Tool: "make", Version: "4"}, catalogue.Pick{Tool: "docker", Version: "a"})
	if i1 != i2 || id1 != id2 || !bytes.Equal(b1, b2) {
		t.Errorf("two empty caches, two images: %s %s, %s %s", i1, id1, i2, id2)
	}
	i3, id3, _ := save(catalogue.Pick{Tool: "make", Version: "4"})
	i4, id4, _ := save(catalogue.Pick{Tool: "make", Version: "4"}, catalogue.Pick{Tool: "docker", Absent: true})
	if i3 == i1 || i3 == i4 || id3 == id1 || id3 == id4 {
		t.Errorf("different parts, one identity: %s %s %s", i1, i3, i4)
	}
}

func TestTwoNamesForOneFileMakeOneImage(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	c := withFile(t, &catalogue.Catalogue{}, "make", "old", "/usr/bin/make", "same")
	c = withFile(t, c, "make", "new", "/usr/bin/make", "same")
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	one, err1 := b.Identity(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "make", Version: "old"}}})
	two, err2 := b.Identity(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "make", Version: "new"}}})
	if err1 != nil || err2 != nil || one != two {
		t.Errorf("%s %s; %v %v", one, two, err1, err2)
	}
}

func TestAFileThatIsNotTheOneMeantIsRefused(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	p := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(p, []byte("other"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Shipped().Declare(catalogue.Toolchain{Tool: "x", Version: "1", Dest: "/usr/bin/x", Sources: []catalogue.Source{&catalogue.File{Path: p, SHA256: strings.Repeat("ab", 32)}}})
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	_, err = b.Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "x", Version: "1"}}})
	if err == nil || !strings.Contains(err.Error(), strings.Repeat("ab", 32)) || !strings.Contains(err.Error(), p) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Cache, "tools", "*")); len(left) != 0 {
		t.Errorf("it came into the cache: %v", left)
	}
}

func TestASpecThatCannotBeBuiltIsRefusedBeforeAnythingIsMade(t *testing.T) {
	debian := catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}}}
	c := withFile(t, catalogue.Shipped(), "podman", "1", "/usr/local/bin/docker", "x")
	c = withFile(t, c, "docker", "1", "/usr/local/bin/docker", "x")
	for want, spec := range map[string]catalogue.Spec{
		"none is named":         {},
		"want one":              {Base: catalogue.Base{Debian: debian.Debian, Image: "x"}},
		"no name of a Debian r": {Base: catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "--help"}}}},
		"no name of a Debian p": {Base: catalogue.Base{Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "sid"}, Packages: []string{"?essential"}}}},
		"want a reference":      {Base: catalogue.Base{Image: "UPPER"}},
		"picked twice":          {Base: debian, Picks: []catalogue.Pick{{Tool: "docker", Version: "1"}, {Tool: "docker", Absent: true}}},
		"both go to":            {Base: debian, Picks: []catalogue.Pick{{Tool: "docker", Version: "1"}, {Tool: "podman", Version: "1"}}},
	} {
		b := &Builder{Cache: t.TempDir(), Catalogue: c}
		if _, err := b.Image(t.Context(), spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
