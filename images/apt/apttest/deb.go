package apttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Package is a .deb as an archive has it.
type Package struct {
	Control  string // its paragraph of the index, up to where the archive has it
	Filename string // below the archive's URL: pool/…
	Content  []byte
}

// Deb is a package as a test writes it down. It is made by hand, so that it may hold what dpkg-deb would not
// build.
type Deb struct {
	Name, Version string
	Depends       string
	Files         []tar.Header
	Bodies        map[string]string // by the files' names
}

// Bytes makes the .deb file. The same Deb gives the same bytes.
func (d Deb) Bytes(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	member := func(name string, b []byte) {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(b))
		out.Write(b)
		if len(b)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	member("control.tar.gz", tarball(t, []tar.Header{{Name: "./control", Typeflag: tar.TypeReg, Mode: 0o644}}, map[string]string{"./control": d.control()}))
	member("data.tar.gz", tarball(t, d.Files, d.Bodies))
	return out.Bytes()
}

func (d Deb) control() string {
	s := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\n", d.Name, d.Version, runtime.GOARCH)
	if d.Depends != "" {
		s += "Depends: " + d.Depends + "\n"
	}
	return s + "Maintainer: nobody <nobody@example.org>\nDescription: for tests\n"
}

// Filename is where the pool has it; an epoch is no part of it, and a + in it has to be escaped in URLs.
func (d Deb) Filename() string {
	_, version, ok := strings.Cut(d.Version, ":")
	if !ok {
		version = d.Version
	}
	return path.Join("pool/main", d.Name[:1], d.Name, fmt.Sprintf("%s_%s_%s.deb", d.Name, version, runtime.GOARCH))
}

// Package is d as an archive has it.
func (d Deb) Package(t testing.TB) Package {
	t.Helper()
	return Package{d.control(), d.Filename(), d.Bytes(t)}
}

// Write puts d on disk and returns its path.
func (d Deb) Write(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), d.Name+".deb")
	if err := os.WriteFile(name, d.Bytes(t), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func tarball(t testing.TB, headers []tar.Header, bodies map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range headers {
		h.Size = int64(len(bodies[h.Name]))
		h.ModTime = time.Unix(1e9, 0)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(bodies[h.Name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Read makes a package of Debian's own one of a test's archive, which decides for itself what is essential in it and what is
// required: nothing but the packages that essential says.
func Read(t testing.TB, file, filename string, essential bool) Package {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "dpkg-deb", "--field", file, "Package", "Version", "Architecture", "Multi-Arch", "Provides", "Pre-Depends", "Depends").Output()
	if err != nil {
		t.Fatal(err)
	}
	control := string(out)
	if essential {
		control += "Essential: yes\n"
	}
	return Package{control + "Maintainer: nobody <nobody@example.org>\nDescription: Debian's\n", filename, content}
}
