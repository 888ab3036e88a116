package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

// extend adds a layer with one program to image.
func extend(t *testing.T, image *images.Image, file, text string) *images.Image {
	t.Helper()
	return withFile(t, image, tar.Header{Name: file, Mode: 0o755, Size: int64(len(text))}, text)
}

// withFile adds a layer with one file, or what else header says, to image.
func withFile(t *testing.T, image *images.Image, header tar.Header, text string) *images.Image {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&header)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
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

func TestAMatrixOfImagesSendsEachLayerOnce(t *testing.T) {
	direct := connect(t)
	if direct.info.containerd {
		t.Skip("that store wants every layer each time")
	}
	path, local := strings.CutPrefix(direct.Info().Host, "unix://")
	if !local {
		t.Skip("needs an engine on a local socket")
	}
	proxy := newProxy(t, path)
	t.Setenv("DOCKER_HOST", "tcp://"+proxy.listener.Addr().String())
	e := connect(t)
	base := extend(t, busybox(t, direct), "large", strings.Repeat("0123456789abcdef", 4<<20/16))
	for i := range 4 {
		low := extend(t, base, "low", strings.Repeat(fmt.Sprint(i), 1<<20))
		for j := range 4 {
			top := extend(t, low, "top", fmt.Sprint(j))
			before := proxy.sent.Load()
			if _, err := e.Load(t.Context(), top); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := direct.cli.ImageRemove(context.Background(), top.Name, client.ImageRemoveOptions{PruneChildren: true}); err != nil {
					t.Error(err)
				}
			})
			// A tar pads its members to 512 bytes and itself to 1,024; then there are the image's papers, and
			// questions about images.
			const papers = 32 << 10
			most := int64(papers)
			switch {
			case i == 0 && j == 0:
				continue
			case j == 0:
				most += 1<<20 + 4<<10
			}
			if sent := proxy.sent.Load() - before; sent > most || sent < 1<<10 {
				t.Errorf("image %d.%d: sent %d bytes, want at most %d", i, j, sent, most)
			}
		}
	}
}

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
	lost := &damaged{errors.New("cache entry is gone")}
	image := extend(t, enginetest.Busybox(t), "file", "never loaded")
	image = &images.Image{Image: &unreadable{image.Image, lost}, Name: image.Name}
	_, err := e.Load(t.Context(), image)
	if !errors.Is(err, lost) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
	// Whoever made the layer may tell by a type of his own that it can be made again.
	var again interface{ Damaged() }
	if !errors.As(err, &again) {
		t.Errorf("%v does not lead to its cause", err)
	}
}

type damaged struct{ error }

func (*damaged) Damaged() {}

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
	id := load(t, e)
	err := e.Check(t.Context(), id, []images.Check{
		{Tool: "fine", Version: "1", Command: []string{"echo", "a 'quoted' $word"}, Want: "a 'quoted' $word"},
		{Tool: "other", Version: "2.0", Command: []string{"echo", "version 1.0"}, Want: "version 2.0"},
		{Tool: "absent", Version: "3", Command: []string{"/bin/absent", "--version"}, Want: "3"},
		{Tool: "failing", Version: "5", Command: []string{"sh", "-c", "echo 5; exit 3"}, Want: "5"},
		{Tool: "endless", Version: "6", Command: []string{"sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' 6; exit 1"}, Want: "7"},
	})
	if err == nil {
		t.Fatal("no mismatch found")
	}
	for _, want := range []string{
		"check other 2.0: `echo version 1.0`: want \"version 2.0\", got (exit 0) \"version 1.0\"",
		"check absent 3: `/bin/absent --version`: not found in the image",
		"check failing 5:", "check endless 6:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in\n%v", want, err)
		}
	}
	if u := backend.Untestable(nil); !errors.As(err, &u) || strings.Contains(err.Error(), "check fine") || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

// dynamicProgram is an executable whose interpreter does not exist, which the kernel reports as a missing
// loader is.
func dynamicProgram() string { return "#!/no/such/loader\n" }

func TestToolsThatCannotRunOnABaseAreUntestableInTheLoadersWords(t *testing.T) {
	e := connect(t)
	image := busybox(t, e)
	for tool, file := range map[string]string{
		"newer":   saying(1, "newer: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by newer)"),
		"lacking": saying(127, "lacking: error while loading shared libraries: libguile-3.0.so.1: cannot open shared object file: No such file or directory"),
		"musl":    saying(127, "Error loading shared library libz.so.1: No such file or directory (needed by /bin/musl)"),
		"dynamic": dynamicProgram(),
		"dash":    saying(126, "/bin/sh: 1: foreign: Exec format error"),
		"bash":    saying(126, "/bin/bash: line 1: /bin/foreign: cannot execute binary file: Exec format error"),
	} {
		image = extend(t, image, "bin/"+tool, file)
	}
	id := loaded(t, e, image)
	for tool, want := range map[string]string{
		"newer":   "newer 4.4.1 does not run on this base: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found",
		"lacking": "lacking 4.4.1 does not run on this base: error while loading shared libraries: libguile-3.0.so.1: cannot open shared object file: No such file or directory",
		"musl":    "musl 4.4.1 does not run on this base: Error loading shared library libz.so.1: No such file or directory (needed by /bin/musl)",
		"dynamic": "dynamic 4.4.1 does not run on this base: the file is there, but the loader that it asks for is not: it is linked against a libc that the base lacks",
		"dash":    "dash 4.4.1 does not run on this base: Exec format error",
		"bash":    "bash 4.4.1 does not run on this base: Exec format error",
	} {
		unable := images.Check{Tool: tool, Version: "4.4.1", Command: []string{tool, "--version"}, Want: "4.4.1"}
		err := e.Check(t.Context(), id, []images.Check{unable})
		if u := backend.Untestable(nil); !errors.As(err, &u) || u.Error() != want || errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("%s: got %v", tool, err)
		}
		// One that is not what it should be is named with it.
		wrong := images.Check{Tool: "other", Version: "2.0", Command: []string{"echo", "version 1.0"}, Want: "version 2.0"}
		err = e.Check(t.Context(), id, []images.Check{unable, wrong})
		if u := backend.Untestable(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "check other 2.0") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s beside a wrong tool: got %v", tool, err)
		}
	}
}

// saying is a program that says as much and fails.
func saying(code int, text string) string {
	return fmt.Sprintf("#!/bin/sh\ncat >&2 <<'END'\n%s\nEND\nexit %d\n", text, code)
}

// foreignProgram is one for another processor.
func foreignProgram(t *testing.T) string {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program = program[:4096]
	binary.NativeEndian.PutUint16(program[18:], uint16(elf.EM_S390))
	return string(program)
}

func TestABaseWithoutAShellIsUntestable(t *testing.T) {
	e := connect(t)
	base := busybox(t, e)
	for name, image := range map[string]*images.Image{
		"none":       extend(t, base, "bin/.wh.sh", ""),
		"no loader":  extend(t, base, "bin/sh", dynamicProgram()),
		"other arch": extend(t, base, "bin/sh", foreignProgram(t)),
	} {
		// The first process of a box can end after its start has succeeded.
		err := e.Check(t.Context(), loaded(t, e, image), []images.Check{{Tool: "x", Version: "1", Command: []string{"true"}}})
		if u := backend.Untestable(nil); !errors.As(err, &u) || errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("%s: got %v", name, err)
		}
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
