package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// BenchmarkCompositionFromCachedParts puts a builder image together of a base and four tools that lie in the
// cache, as a new process would, and reads all of it once, as an engine does. Its yardsticks hold for a base
// of any size: 1 s for the image and its id, 64 MB of memory at the peak, the benchmark's own included, the
// reading too.
func BenchmarkCompositionFromCachedParts(b *testing.B) {
	for _, base := range []struct{ files, size int64 }{{1, 1 << 20}, {1, 1 << 30}, {100_000, 10 << 10}} {
		b.Run(fmt.Sprintf("base-of-%d-MB-in-%d-files", base.files*base.size>>20, base.files), func(b *testing.B) {
			cache, tools, spec := partsInCache(b, base.files, base.size)
			for b.Loop() {
				debug.FreeOSMemory()
				resetPeak(b)
				begin := time.Now()
				image, err := (&Builder{Cache: cache, Catalogue: tools, Offline: true}).Image(b.Context(), spec)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := image.ConfigName(); err != nil {
					b.Fatal(err)
				}
				took, composed := time.Since(begin), peak(b)
				read := readAll(b, image)
				fmt.Printf("bench %s %.3fs at-most 1s, memory %d MB at-most 64 MB, read as well %d MB (%d MB read)\n", b.Name(), took.Seconds(), composed>>20, peak(b)>>20, read>>20)
				b.ReportMetric(took.Seconds(), "s/image")
				b.ReportMetric(float64(peak(b)>>20), "peak-MB")
			}
		})
	}
}

// partsInCache makes a cache that has a base with so many files of that size, and four tools.
func partsInCache(b *testing.B, files, size int64) (dir string, tools *catalogue.Catalogue, spec catalogue.Spec) {
	dir = filepath.Join(b.TempDir(), "cache")
	tools = &catalogue.Catalogue{}
	spec.Base.Image = serveBase(b, files, size)
	for _, tool := range []string{"a", "b", "c", "d"} {
		file := filepath.Join(b.TempDir(), tool)
		if err := os.WriteFile(file, bytes.Repeat([]byte(tool), 1<<20), 0o600); err != nil {
			b.Fatal(err)
		}
		digest, _, err := cache.SumFile(file)
		if err != nil {
			b.Fatal(err)
		}
		if tools, err = tools.Declare(catalogue.Toolchain{Tool: tool, Version: "1", Dest: "/usr/local/bin/" + tool, Sources: []catalogue.Source{&catalogue.File{Path: file, SHA256: digest}}}); err != nil {
			b.Fatal(err)
		}
		spec.Picks = append(spec.Picks, catalogue.Pick{Tool: tool, Version: "1"})
	}
	if _, err := (&Builder{Cache: dir, Catalogue: tools}).Image(b.Context(), spec); err != nil {
		b.Fatal(err)
	}
	return dir, tools, spec
}

// serveBase serves an image with files of zeros, which are sent as next to nothing, and returns its
// reference.
func serveBase(b *testing.B, files, size int64) string {
	var packed bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		b.Fatal(err)
	}
	w := tar.NewWriter(zipped)
	for i := range files {
		h := &tar.Header{Name: fmt.Sprintf("usr/lib/zeros/%03d/%d", i/100, i), Typeflag: tar.TypeReg, Mode: 0o644, Size: size}
		if i%10 == 0 {
			h.Mode = 0o755 // of those the composition knows
		}
		err := w.WriteHeader(h)
		_, err2 := io.CopyN(w, zeros{}, size)
		if err := errors.Join(err, err2); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		b.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil })
	if err != nil {
		b.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		b.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		b.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if image, err = mutate.ConfigFile(image, config); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	b.Cleanup(server.Close)
	digest, err := image.Digest()
	if err != nil {
		b.Fatal(err)
	}
	ref, err := name.NewDigest(strings.TrimPrefix(server.URL, "http://") + "/base@" + digest.String())
	if err != nil {
		b.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		b.Fatal(err)
	}
	return ref.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func readAll(b *testing.B, image *Image) (total int64) {
	layers, err := image.Layers()
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if err := errors.Join(err, r.Close()); err != nil {
			b.Fatal(err)
		}
		total += n
	}
	return total
}

// resetPeak makes the kernel count this process's peak of memory from now on.
func resetPeak(b *testing.B) {
	const peakOnly = "5"
	if err := os.WriteFile("/proc/self/clear_refs", []byte(peakOnly), 0); err != nil {
		b.Skipf("no peak of memory is told here: %v", err)
	}
}

// peak is the most memory that this process had, in bytes.
func peak(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	b.Fatal("/proc/self/status tells no VmHWM")
	return 0
}
