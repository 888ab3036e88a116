package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/runner"
	"buildbisect/runner/enginetest"
)

// extend adds a layer with one file to image.
func extend(t *testing.T, image *images.Image, file, text string) *images.Image {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	w.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(text))})
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	built, err := mutate.AppendLayers(image.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	id, err := built.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return &images.Image{Image: built, Name: "bisect/enginetest:" + id.Hex[:16]}
}

func loaded(t *testing.T, e *Engine, image *images.Image) string {
	t.Helper()
	id, err := e.Load(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := e.cli.ImageRemove(context.Background(), image.Name, client.ImageRemoveOptions{PruneChildren: true}); err != nil {
			t.Errorf("remove %s: %v", image.Name, err)
		}
	})
	return id
}

func TestLayersThatTheEngineHasAreNotSentAgain(t *testing.T) {
	e := connect(t)
	base := busybox(t, e)
	if _, err := e.Load(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	more := extend(t, base, "bin/tool", "#!/bin/sh\necho tool 1.0\n")
	config, err := more.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if n := e.shared(t.Context(), more.Name, config.RootFS.DiffIDs); n != 1 && !e.info.containerd {
		t.Errorf("want 1 shared layer, got %d", n)
	}
	var whole, part counting
	if err := errors.Join(writeArchive(&whole, more, 0), writeArchive(&part, more, 1)); err != nil {
		t.Fatal(err)
	}
	if part*10 > whole {
		t.Errorf("%d bytes without the shared layer, %d with it", part, whole)
	}
	id := loaded(t, e, more)
	if err := e.Check(t.Context(), id, []images.Check{{Tool: "tool", Version: "1.0", Command: []string{"tool"}, Want: "tool 1.0"}}); err != nil {
		t.Error(err)
	}
}

type counting int

func (c *counting) Write(p []byte) (int, error) { *c += counting(len(p)); return len(p), nil }

func TestAnEngineThatWantsAllLayersGetsThem(t *testing.T) {
	e := connect(t)
	image := extend(t, enginetest.Busybox(t), "only-here", "x")
	// The engine has none of these layers: leaving one out must end in sending all.
	if err := e.send(t.Context(), image, 2); err != nil {
		t.Fatal(err)
	}
	loaded(t, e, image)
}

func TestALayerThatCannotBeReadIsNotTheEnginesFault(t *testing.T) {
	e := connect(t)
	lost := errors.New("cache entry is gone")
	image := extend(t, enginetest.Busybox(t), "file", "never loaded")
	image = &images.Image{Image: &unreadable{image.Image, lost}, Name: image.Name}
	if _, err := e.Load(t.Context(), image); !errors.Is(err, lost) || errors.Is(err, runner.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

type unreadable struct {
	v1.Image
	err error
}

func (u *unreadable) Layers() ([]v1.Layer, error) {
	layers, err := u.Image.Layers()
	for i := range layers {
		layers[i] = &unreadableLayer{layers[i], u.err}
	}
	return layers, err
}

type unreadableLayer struct {
	v1.Layer
	err error
}

func (u *unreadableLayer) Compressed() (io.ReadCloser, error) { return nil, u.err }

func TestChecksNameWhatTheyGot(t *testing.T) {
	e := connect(t)
	image := extend(t, busybox(t, e), "bin/dynamic", dynamicProgram())
	id := loaded(t, e, image)
	err := e.Check(t.Context(), id, []images.Check{
		{Tool: "fine", Version: "1", Command: []string{"echo", "a 'quoted' $word"}, Want: "a 'quoted' $word"},
		{Tool: "other", Version: "2.0", Command: []string{"echo", "version 1.0"}, Want: "version 2.0"},
		{Tool: "absent", Version: "3", Command: []string{"/bin/absent", "--version"}, Want: "3"},
		{Tool: "dynamic", Version: "4", Command: []string{"dynamic"}, Want: "4"},
		{Tool: "failing", Version: "5", Command: []string{"sh", "-c", "echo 5; exit 3"}, Want: "5"},
		{Tool: "endless", Version: "6", Command: []string{"sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' 6; exit 1"}, Want: "7"},
	})
	if err == nil {
		t.Fatal("no mismatch found")
	}
	for _, want := range []string{
		"check other 2.0: `echo version 1.0`: want \"version 2.0\", got (exit 0) \"version 1.0\"",
		"check absent 3: `/bin/absent --version`: not found in the image",
		"check dynamic 4: `dynamic`: the file is there but cannot be loaded",
		"check failing 5:", "check endless 6:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "check fine") || errors.Is(err, runner.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

// dynamicProgram is an executable whose interpreter does not exist, which the kernel reports as a missing loader is.
func dynamicProgram() string { return "#!/no/such/loader\n" }

func TestABaseWithoutAShellIsNamed(t *testing.T) {
	e := connect(t)
	base := busybox(t, e)
	image := extend(t, base, "bin/.wh.sh", "")
	_, err := e.Start(t.Context(), runner.BoxSpec{Image: loaded(t, e, image), Network: "none"})
	if !errors.Is(err, runner.ErrInfrastructure) || !strings.Contains(err.Error(), "no /bin/sh") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyATrialsOwnImagesAreRemoved(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	if err := e.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := extend(t, enginetest.Busybox(t), "built", "by a trial")
	// A second connection plays the build: what this one loads is its own.
	freshID := loaded(t, connect(t), fresh)
	tag := func(source, target string) {
		t.Helper()
		if _, err := e.cli.ImageTag(t.Context(), client.ImageTagOptions{Source: source, Target: target}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = e.cli.ImageRemove(context.Background(), target, client.ImageRemoveOptions{}) })
	}
	const marker = "trial7q3kz9"
	tag(freshID, "localhost/app-"+marker+":v1")
	tag(id, "localhost/app:"+marker)
	removed, others, err := e.RemoveTrialImages(t.Context(), marker)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(removed, " "); got != "localhost/app-"+marker+":v1 localhost/app:"+marker {
		t.Errorf("removed %q", got)
	}
	// Other engineers and builds use the engine too: look only for ours.
	if !strings.Contains(strings.Join(others, " "), fresh.Name) || strings.Contains(strings.Join(others, " "), marker) {
		t.Errorf("others %q", others)
	}
	if _, err := e.cli.ImageInspect(t.Context(), id); err != nil {
		t.Errorf("the builder image went too: %v", err)
	}
	if _, _, err := e.RemoveTrialImages(t.Context(), ""); err == nil {
		t.Error("an empty marker is in every name")
	}
}

func TestLoadingIsFlatInMemory(t *testing.T) {
	image := &images.Image{Image: &large{empty.Image}, Name: "bisect/large:1"}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sent counting
	if err := writeArchive(&sent, image, 0); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 16<<20 || sent < largeSize {
		t.Errorf("the heap grew by %d MB for %d MB", grown>>20, sent>>20)
	}
}

const largeSize = 256 << 20

// large is an image of one layer that is never in memory as a whole.
type large struct{ v1.Image }

func (l *large) Layers() ([]v1.Layer, error) { return []v1.Layer{&largeLayer{}}, nil }

type largeLayer struct{ v1.Layer }

func (l *largeLayer) Digest() (v1.Hash, error) { return v1.Hash{Algorithm: "sha256", Hex: "1a"}, nil }
func (l *largeLayer) Size() (int64, error)     { return largeSize, nil }
func (l *largeLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeros{}, largeSize)), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
