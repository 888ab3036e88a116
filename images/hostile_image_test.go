package images

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// A file of an image is written to one place, whatever its layers name: nothing else of them is unpacked on
// this machine.
func TestAHostileImageWritesNothingButTheFileAskedFor(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: victim, Size: 4},
		{Typeflag: tar.TypeSymlink, Name: "out", Linkname: dir},
		{Typeflag: tar.TypeReg, Name: "out/victim", Size: 4},
		{Typeflag: tar.TypeChar, Name: "dev/mem", Devmajor: 1, Devminor: 1},
		{Typeflag: tar.TypeFifo, Name: "pipe"},
		{Typeflag: tar.TypeReg, Name: ".bisect/.wh..wh..opq"},
		{Typeflag: tar.TypeReg, Name: ".wh..bisect"},
		{Typeflag: tar.TypeLink, Name: "loop", Linkname: "loop"},
		{Typeflag: tar.TypeLink, Name: "one", Linkname: "two"},
		{Typeflag: tar.TypeLink, Name: "two", Linkname: "one"},
		{Typeflag: tar.TypeReg, Name: "jq", Size: 4, Mode: 0o6755},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "evil"[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil }
	l, err := tarball.LayerFromOpener(open)
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/loop": "too many hard links", "/one": "too many hard links", "/dev/mem": "is no regular file", "/pipe": "is no regular file", "/gone": "has no file",
	} {
		if err := copyMember(image, name, filepath.Join(dir, "none"), 40); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	to := filepath.Join(dir, "jq")
	if err := copyMember(image, "/jq", to, 40); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(to); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := readTree([]opener{open}); err != nil {
		t.Error(err)
	}
	if now, err := os.ReadFile(victim); err != nil || string(now) != "as it was" {
		t.Errorf("%q, %v", now, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left %v, %v", left, err)
	}
}
