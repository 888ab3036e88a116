package images

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// matrix is two versions of each of four tools, and its 16 combinations.
func matrix(t *testing.T, base catalogue.Base, kilobytes int) (*catalogue.Catalogue, []catalogue.Spec) {
	t.Helper()
	c := &catalogue.Catalogue{}
	tools := []string{"a", "b", "c", "d"}
	var pool []catalogue.Pick
	for _, tool := range tools {
		for _, version := range []string{"1", "2"} {
			c = withFile(t, c, tool, version, "/usr/local/bin/"+tool, strings.Repeat(tool+version+strings.Repeat("x", 1022), kilobytes))
			pool = append(pool, catalogue.Pick{Tool: tool, Version: version})
		}
	}
	var specs []catalogue.Spec
	for i := range 16 {
		spec := catalogue.Spec{Base: base, Pool: pool}
		for j := range tools {
			spec.Picks = append(spec.Picks, pool[2*j+i>>j&1])
		}
		specs = append(specs, spec)
	}
	return c, specs
}

// chains adds to sizes what an engine stores of an image: layers by all that lies below them.
func chains(t *testing.T, image *Image, sizes map[string]int64) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	chain := ""
	for _, l := range layers {
		id, err1 := l.DiffID()
		size, err2 := l.Size()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		chain += id.Hex
		sizes[chain] = size
	}
}

func TestAMatrixTakesLittleMoreThanItsParts(t *testing.T) {
	host, _ := newRegistry(t)
	for name, bases := range map[string][]catalogue.Base{
		"one base":  {{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}},
		"two bases": {{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}, {Image: push(t, host+"/base:2", runtime.GOARCH, smallBase, []string{"etc/"})}},
	} {
		sizes, parts := map[string]int64{}, map[v1.Hash]int64{}
		ids := map[string]bool{}
		cache := t.TempDir()
		for _, base := range bases {
			c, specs := matrix(t, base, 100)
			b := &Builder{Cache: cache, Catalogue: c}
			for _, spec := range specs {
				spec.BaseVaries = len(bases) > 1
				image, err := b.Image(t.Context(), spec)
				if err != nil {
					t.Fatal(err)
				}
				ids[engineID(t, image)] = true
				chains(t, image, sizes)
				layers, err := image.Layers()
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range layers[:len(layers)-1] {
					id, err1 := l.DiffID()
					size, err2 := l.Size()
					if err := errors.Join(err1, err2); err != nil {
						t.Fatal(err)
					}
					parts[id] = size
				}
			}
		}
		var stored, parted int64
		for _, size := range sizes {
			stored += size
		}
		for _, size := range parts {
			parted += size
		}
		if want := 16 * len(bases); len(ids) != want || float64(stored) > 1.3*float64(parted) || parted < 800<<10 {
			t.Errorf("%s: %d images of %d take %d bytes, their parts %d", name, len(ids), want, stored, parted)
		}
		t.Logf("%s: %d images take %.3f of their parts", name, len(ids), float64(stored)/float64(parted))
	}
}

func TestWhatOtherCombinationsNeedIsHidden(t *testing.T) {
	host, _ := newRegistry(t)
	c, specs := matrix(t, catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}, 1)
	image, err := (&Builder{Cache: t.TempDir(), Catalogue: c}).Image(t.Context(), specs[5])
	if err != nil {
		t.Fatal(err)
	}
	links, whiteouts := 0, 0
	for _, line := range list(t, mustOpen(t, image)) {
		if strings.Contains(line, ".bisect/.wh.") {
			whiteouts++
		}
		if strings.HasPrefix(line, "2 ") {
			links++
		}
	}
	if links != 4 || whiteouts != 4 {
		t.Errorf("%d links, %d whiteouts; want 4 of each", links, whiteouts)
	}
}

func TestALayerThatRottedIsNoticedAsItIsReadAndMadeAgain(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	c := withFile(t, &catalogue.Catalogue{}, "make", "4", "/usr/bin/make", "make")
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	spec := catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "make", Version: "4"}}}
	image, err := b.Image(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.Cache, "tools", "*", cache.ToolLayer))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(files[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("rot"), 1600)
	if err := errors.Join(err, f.Close(), os.Chtimes(files[0], info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, openLayer(t, image, 1))
	var damaged *cache.DamagedError
	if !errors.As(err, &damaged) || damaged.Path != files[0] {
		t.Fatalf("got %v", err)
	}
	if image, err = b.Image(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, openLayer(t, image, 1)); err != nil {
		t.Error(err)
	}
}
