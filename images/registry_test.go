package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images/catalogue"
)

// newRegistry starts a registry on loopback and returns its host, and what stops it.
func newRegistry(t *testing.T) (host string, stop func()) {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), s.Close
}

// tarOf makes an uncompressed tar. Names that end in / are folders, "link -> target" symbolic links.
func tarOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, n := range names {
		h := &tar.Header{Name: n, Typeflag: tar.TypeReg, Mode: 0o755}
		if strings.HasSuffix(n, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o2775
		}
		if link, target, ok := strings.Cut(n, " -> "); ok {
			h.Name, h.Linkname, h.Typeflag = link, target, tar.TypeSymlink
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func layerOf(t *testing.T, names ...string) v1.Layer {
	t.Helper()
	b := tarOf(t, names...)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// push pushes an image of one layer for each list of names, and returns its reference by digest.
func push(t *testing.T, ref, arch string, layers ...[]string) string {
	t.Helper()
	image := v1.Image(empty.Image)
	var err error
	for _, names := range layers {
		if image, err = mutate.AppendLayers(image, layerOf(t, names...)); err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Env = []string{"LANG=C.UTF-8"}
	config.Config.Entrypoint = []string{"/entry"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r, image); err != nil {
		t.Fatal(err)
	}
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return r.Context().Name() + "@" + d.String()
}

// smallBase is a base as Debian's are laid out, with a docker of its own.
var smallBase = []string{"bin -> usr/bin", "usr/", "usr/bin/", "usr/bin/docker", "usr/local/", "usr/local/bin/", "root/.docker/cli-plugins/docker-buildx"}

// heard collects what a Builder says.
type heard struct{ lines []string }

func (h *heard) say(line string)        { h.lines = append(h.lines, line) }
func (h *heard) about(what string) bool { return strings.Contains(strings.Join(h.lines, "\n"), what) }
func (h *heard) count(what string) (n int) {
	for _, l := range h.lines {
		if strings.Contains(l, what) {
			n++
		}
	}
	return n
}

func TestABaseByDigestIsFetchedOnceAndThenServesOffline(t *testing.T) {
	host, stop := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase, []string{"etc/", "etc/x"})
	cache := t.TempDir()
	h := &heard{}
	image, err := (&Builder{Cache: cache, Progress: h.say}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if h.about("is a tag, which may move") || !h.about("layer 2 of 2") {
		t.Errorf("said %q", h.lines)
	}
	stop()
	again, err := (&Builder{Cache: cache, Offline: true}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := engineID(t, image), engineID(t, again); a != b || image.Name != again.Name {
		t.Errorf("%s %s, offline %s %s", image.Name, a, again.Name, b)
	}
	config, err := again.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"LANG=C.UTF-8", defaultPath}; !slices.Equal(config.Config.Env, want) || len(config.Config.Entrypoint) != 0 {
		t.Errorf("config %+v", config.Config)
	}
}

// engineID is the id an engine gives to an image.
func engineID(t *testing.T, image *Image) string {
	t.Helper()
	h, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func TestATagIsLookedUpOnceForARunAndItsDigestIsRecorded(t *testing.T) {
	host, stop := newRegistry(t)
	ref := host + "/base:latest"
	digest := push(t, ref, runtime.GOARCH, smallBase)
	h := &heard{}
	b := &Builder{Cache: t.TempDir(), Progress: h.say}
	first, err := b.Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	moved := push(t, ref, runtime.GOARCH, smallBase, []string{"etc/"})
	image, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := image.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("the tag moved in the middle of a run: %v, %v", layers, err)
	}
	if h.count("is a tag, which may move") != 1 || !h.about(digest) {
		t.Errorf("said %q, want the digest %s once", h.lines, digest)
	}
	byDigest, err := b.Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: digest}})
	if err != nil || byDigest != first {
		t.Errorf("by tag %s, by its digest %s, %v", first, byDigest, err)
	}

	next, err := (&Builder{Cache: b.Cache}).Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	byDigest, err2 := b.Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: moved}})
	if err != nil || err2 != nil || next != byDigest {
		t.Errorf("the next run got %s, the moved tag is %s; %v, %v", next, byDigest, err, err2)
	}
	stop()
	offline, err := (&Builder{Cache: b.Cache, Offline: true}).Identity(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil || offline != next {
		t.Errorf("offline the tag is %s, last seen %s; %v", offline, next, err)
	}
}

func TestWhatIsMissingOfflineIsNamed(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase)
	for name, base := range map[string]catalogue.Base{
		host + "/base:1": {Image: host + "/base:1"},
		ref:              {Image: ref},
		"bookworm":       {Debian: &catalogue.Debian{Archive: catalogue.Archive{Suite: "bookworm"}}},
	} {
		_, err := (&Builder{Cache: t.TempDir(), Offline: true}).Image(t.Context(), catalogue.Spec{Base: base})
		var off *OfflineError
		if !errors.As(err, &off) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "without --offline") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARegistryThatLacksTheImageIsNamedWithAWayOut(t *testing.T) {
	host, _ := newRegistry(t)
	for _, ref := range []string{host + "/nothing:1", host + "/nothing@sha256:" + strings.Repeat("ab", 32)} {
		_, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
		if err == nil || !strings.Contains(err.Error(), ref) || !strings.Contains(err.Error(), "not found; check the name") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestARegistryThatDoesNotAnswerIsNamedWithAWayOut(t *testing.T) {
	host, stop := newRegistry(t)
	stop()
	for _, ref := range []string{host + "/base:1", host + "/base@sha256:" + strings.Repeat("ab", 32)} {
		_, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
		if err == nil || !strings.Contains(err.Error(), ref) || !strings.Contains(err.Error(), "does not answer; check the network") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestAnImageForAnotherProcessorIsRefused(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", "s390x", smallBase)
	_, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err == nil || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("got %v", err)
	}
}

func TestADamagedBaseInTheCacheIsFetchedAgain(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase)
	b := &Builder{Cache: t.TempDir()}
	if _, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.Cache, "bases", "*", layerName(0)))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	image, err := (&Builder{Cache: b.Cache, Progress: h.say}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil || !h.about("damaged") {
		t.Fatalf("%v, said %q", err, h.lines)
	}
	if _, err := io.Copy(io.Discard, mustOpen(t, image)); err != nil {
		t.Error(err)
	}
}

// mustOpen opens the topmost layer.
func mustOpen(t *testing.T, image *Image) io.Reader { return openLayer(t, image, -1) }

// openLayer opens the n-th layer, lowest first; -1 is the topmost.
func openLayer(t *testing.T, image *Image, n int) io.Reader {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) <= n {
		t.Fatal(layers, err)
	}
	if n < 0 {
		n = len(layers) - 1
	}
	r, err := layers[n].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}
