package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images/catalogue"
)

// bomb pushes an image whose layers have that many files of that size each, and returns its reference, and
// how large it is in the registry.
func bomb(t *testing.T, host string, layers, files int, size int64) (ref string, packed int64) {
	t.Helper()
	image := v1.Image(empty.Image)
	for n := range layers {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i := range files {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d-%d", n, i), Typeflag: tar.TypeReg, Size: size}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(w, zeros{}, size); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		length, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		packed += length
		if image, err = mutate.AppendLayers(image, l); err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := name.NewDigest(host + "/bomb@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r, image); err != nil {
		t.Fatal(err)
	}
	return r.String(), packed
}

func TestAnImageThatUnpacksToMoreThanABuildMayWriteIsRefused(t *testing.T) {
	host, _ := newRegistry(t)
	const room = 8 << 20
	for what, c := range map[string]struct {
		layers, files int
		size          int64
		fits          bool
	}{
		"one large file":     {1, 1, 24 << 20, false},
		"many layers":        {6, 1, 2 << 20, false},
		"many empty files":   {1, 3000, 0, false},
		"one that just fits": {2, 3, 1 << 20, true},
	} {
		ref, packed := bomb(t, host, c.layers, c.files, c.size)
		if packed > 200<<10 {
			t.Fatalf("%s: it has %d bytes, and is none", what, packed)
		}
		b := &Builder{Cache: t.TempDir(), Catalogue: catalogue.Shipped(), Room: room}
		_, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
		if c.fits != (err == nil) || err != nil && !strings.Contains(err.Error(), "it unpacks to more than the 8.0 MiB that builds of this scenario may write (builder.resources.disk)") {
			t.Errorf("%s: got %v", what, err)
		}
		left := int64(0)
		_ = filepath.Walk(b.Cache, func(_ string, info os.FileInfo, err error) error {
			if err == nil {
				left += info.Size()
			}
			return nil
		})
		if left > room+1<<20 {
			t.Errorf("%s: %d bytes are left in the cache", what, left)
		}
		// It was fetched where there was more room: that is no way in.
		cache := t.TempDir()
		if _, err := (&Builder{Cache: cache, Catalogue: catalogue.Shipped()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}}); err != nil {
			t.Errorf("%s, without a limit: %v", what, err)
		}
		_, err = (&Builder{Cache: cache, Catalogue: catalogue.Shipped(), Room: room}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
		if c.fits != (err == nil) {
			t.Errorf("%s, from the cache: got %v", what, err)
		}
	}
}

// TestAFileThatIsAllHoleCountsAsLongAsItIs has GNU tar's own form: a header alone, of a file of any size.
func TestAFileThatIsAllHoleCountsAsLongAsItIs(t *testing.T) {
	for size, fits := range map[int64]bool{1 << 40: false, 8 << 10: true} {
		block := tarOf(t, "a")
		block[156] = tar.TypeGNUSparse
		copy(block[257:], "ustar  \x00")
		copy(block[345:], make([]byte, 512-345))
		copy(block[386:], "00000000000\x0000000000000\x00")
		copy(block[483:], fmt.Sprintf("%011o\x00", size))
		if size > 1<<33-1 {
			field := block[483:495]
			clear(field)
			field[0] = 0x80
			for i, n := 11, size; i > 3; i, n = i-1, n>>8 {
				field[i] = byte(n)
			}
		}
		copy(block[148:], "        ")
		sum := 0
		for _, b := range block[:512] {
			sum += int(b)
		}
		copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
		r := &room{limit: 1 << 20}
		err := r.take(bytes.NewReader(block), func(in io.Reader) error { _, err := io.Copy(io.Discard, in); return err })
		if fits != (err == nil) || err != nil && !strings.Contains(err.Error(), "unpacks to more") {
			t.Errorf("%d bytes of nothing: got %v", size, err)
		}
	}
}

func TestADownloadThatUnpacksToMoreThanTheRoomIsRefused(t *testing.T) {
	const size = 8 << 20
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "bomb-1/bin/bomb", Typeflag: tar.TypeReg, Mode: 0o755, Size: size}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	url := site(t, map[string][]byte{"/bomb.tgz": out.Bytes()})
	for _, member := range []string{"bomb-1", "bomb-1/bin/bomb"} {
		for _, room := range []int64{1 << 20, 16 << 20} {
			tool := catalogue.Toolchain{Tool: "bomb", Version: "1", Dest: "/usr/bin/bomb", Sources: []catalogue.Source{&catalogue.Release{URL: url + "/bomb.tgz", SHA256: sha(out.Bytes()), Member: member}}}
			if member == "bomb-1" {
				tool.Tree, tool.Program = "/opt/bomb", "bin/bomb"
			}
			b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, tool), Room: room}
			_, err := b.Tools(t.Context(), catalogue.Spec{Picks: []catalogue.Pick{{Tool: "bomb", Version: "1"}}})
			if fits := room > size; fits != (err == nil) || !fits && !strings.Contains(err.Error(), "more than the 1048576 bytes that are allowed") {
				t.Errorf("%s, room for %d: %v", member, room, err)
			}
		}
	}
}
