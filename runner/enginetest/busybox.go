package enginetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images"
)

// Busybox makes a small image for tests out of Debian's busybox-static: the installed one, or else one
// fetched with apt-get (which needs no root) and kept in the user's cache. Where neither can be had the test
// is skipped, but fails under BISECT_REQUIRE_DOCKER=1. The image is this process's own: whoever loads it
// removes it by its name afterwards.
func Busybox(t testing.TB) *images.Image {
	t.Helper()
	program, err := busybox()
	if err != nil {
		missing := fmt.Sprintf("no static busybox for the test image: %v; install it: sudo apt-get install busybox-static", err)
		if os.Getenv("BISECT_REQUIRE_DOCKER") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	image, err := busyboxImage(program)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func busyboxImage(program string) (*images.Image, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list: %w", program, err)
	}
	layer, err := busyboxLayer(binary, strings.Fields(string(applets)))
	if err != nil {
		return nil, err
	}
	built, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := built.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{
		Env:     []string{"PATH=/bin", "FROM_IMAGE=yes"},
		Volumes: map[string]struct{}{"/volume": {}},
		// Test processes that share an engine must not remove each other's image.
		Labels: map[string]string{"org.buildbisect.test": fmt.Sprint(os.Getpid())},
		// Boxes must not be led astray by what an image would start or open by itself.
		Entrypoint:   []string{"/bin/false"},
		User:         "1000",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
	}
	if built, err = mutate.ConfigFile(built, file); err != nil {
		return nil, err
	}
	id, err := built.ConfigName()
	if err != nil {
		return nil, err
	}
	return &images.Image{Image: built, Name: "bisect/enginetest:" + id.Hex[:16]}, nil
}

func busyboxLayer(binary []byte, applets []string) (v1.Layer, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	headers := []tar.Header{{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "bin/busybox", Mode: 0o755, Size: int64(len(binary))},
		{Name: "given/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "given/kept", Mode: 0o644}, {Name: "given/file", Mode: 0o644},
		{Name: "given/folder/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "given/folder/deep", Mode: 0o644},
		{Name: "given/link", Typeflag: tar.TypeSymlink, Linkname: "/tmp", Mode: 0o777},
		{Name: "led", Typeflag: tar.TypeSymlink, Linkname: "given", Mode: 0o777}}
	sort.Strings(applets)
	for _, applet := range applets {
		if applet != "busybox" {
			headers = append(headers, tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777})
		}
	}
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if h.Size > 0 {
			w.Write(binary)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
}

// busybox returns the path of a static busybox.
func busybox() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cached := filepath.Join(cache, "bisect", "test", "busybox")
	for _, path := range []string{"/bin/busybox", cached} {
		if isStatic(path) {
			return path, nil
		}
	}
	dir, err := os.MkdirTemp("", "bisect-busybox-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	fetch := exec.Command("sh", "-ec", `apt-get download -q busybox-static && dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -xf - ./bin/busybox`)
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("apt-get download busybox-static: %w: %s", err, bytes.TrimSpace(out))
	}
	fetched := filepath.Join(dir, "bin", "busybox")
	if !isStatic(fetched) {
		return "", errors.New("busybox-static of Debian is not static")
	}
	return cached, store(fetched, cached)
}

// store copies a program into the cache, whole or not at all: other test processes may look for it now.
func store(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	tmp := fmt.Sprintf("%s.%s.%d", to, hex.EncodeToString(sum[:4]), os.Getpid())
	if err := os.WriteFile(tmp, text, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, to)
}

// isStatic reports whether path is a program that needs no loader.
func isStatic(path string) bool {
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
