package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// entry is a member of an archive made by a test: body is its content, or what it links to.
type entry struct {
	kind byte
	name string
	body string
	mode int64 // 0: 0644
}

func file(name, body string) entry { return entry{tar.TypeReg, name, body, 0} }
func link(name, to string) entry   { return entry{tar.TypeSymlink, name, to, 0} }
func hard(name, to string) entry   { return entry{tar.TypeLink, name, to, 0} }
func dir(name string) entry        { return entry{tar.TypeDir, name, "", 0o755} }

// tarOf does not check what it writes, as tar.Writer does not.
func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Typeflag: e.kind, Name: e.name, Mode: max(e.mode, 0o644), Uid: 1234, Uname: "maker"}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, e.body = e.body, ""
		}
		h.Size = int64(len(e.body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zipOf writes modes only where an entry has one, as zips of Go modules have none.
func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		switch {
		case e.kind == tar.TypeSymlink:
			h.SetMode(fs.ModeSymlink | 0o777)
		case e.kind == tar.TypeFifo:
			h.SetMode(fs.ModeNamedPipe | 0o644)
		case e.kind == tar.TypeDir:
			h.Name = strings.TrimSuffix(e.name, "/") + "/"
		case e.mode != 0:
			h.SetMode(fs.FileMode(e.mode))
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(f, e.body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// compressed are the compressors there are writers for.
var compressed = map[string]func(testing.TB, []byte) []byte{
	"gzip": func(t testing.TB, b []byte) []byte {
		var out bytes.Buffer
		return packed(t, gzip.NewWriter(&out), b, &out)
	},
	"xz": func(t testing.TB, b []byte) []byte {
		var out bytes.Buffer
		w, err := xz.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		return packed(t, w, b, &out)
	},
	"zstd": func(t testing.TB, b []byte) []byte {
		var out bytes.Buffer
		w, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		return packed(t, w, b, &out)
	},
}

func packed(t testing.TB, w io.WriteCloser, b []byte, out *bytes.Buffer) []byte {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// archive is a file with that content, whose name says nothing of it.
func archive(t testing.TB, content []byte) Archive {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f00d")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return Archive{Path: path}
}

// list is what Tree hands out, a line for each member.
func list(t testing.TB, a Archive, folder string) (string, error) {
	var out strings.Builder
	err := a.Tree(t.Context(), folder, func(h *tar.Header, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if int64(len(b)) != h.Size {
			t.Errorf("%s: %d bytes, and the header says %d", h.Name, len(b), h.Size)
		}
		fmt.Fprintf(&out, "%c %o %s %s%s\n", h.Typeflag, h.Mode, h.Name, h.Linkname, b)
		if h.Uid != 0 || h.Uname != "" || !h.ModTime.IsZero() {
			t.Errorf("%s: owner or time handed on: %+v", h.Name, h)
		}
		return nil
	})
	return out.String(), err
}

// sorted is the same lines by the alphabet.
func sorted(lines string) string {
	all := strings.SplitAfter(lines, "\n")
	slices.Sort(all)
	return strings.Join(all, "")
}

// wantError checks that err says all of texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v\nwant %q in it", err, text)
		}
	}
}
