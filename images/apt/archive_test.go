package apt

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// deb is a package as a test writes it down.
type deb struct {
	name, version string
	depends       string
	files         []tar.Header
	bodies        map[string]string // by the files' names
}

// bytes makes the .deb by hand, so that it may hold what dpkg-deb would not build.
func (d deb) bytes(t *testing.T) []byte {
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
	control := d.control() + "Maintainer: nobody <nobody@example.org>\nDescription: for tests\n"
	member("debian-binary", []byte("2.0\n"))
	member("control.tar.gz", tarball(t, []tar.Header{{Name: "./control", Typeflag: tar.TypeReg, Mode: 0o644}}, map[string]string{"./control": control}))
	member("data.tar.gz", tarball(t, d.files, d.bodies))
	return out.Bytes()
}

func (d deb) control() string {
	s := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\n", d.name, d.version, arch())
	if d.depends != "" {
		s += "Depends: " + d.depends + "\n"
	}
	return s
}

// filename is where the pool has it; an epoch is no part of it, and a + in it has to be escaped in URLs.
func (d deb) filename() string {
	_, version, ok := strings.Cut(d.version, ":")
	if !ok {
		version = d.version
	}
	return path.Join("pool/main", d.name[:1], d.name, fmt.Sprintf("%s_%s_%s.deb", d.name, version, arch()))
}

func tarball(t *testing.T, headers []tar.Header, bodies map[string]string) []byte {
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

// archive is a Debian archive on loopback, signed by a key of its own, with a snapshot service beside it.
type archive struct {
	t       *testing.T
	key     *openpgp.Entity
	keyring string
	mirror  string // URL
	service string // URL template of the snapshots

	mu        sync.Mutex
	files     map[string][]byte // by path
	times     map[string]time.Time
	cut       map[string]int // path -> bytes after which the next answer breaks off
	stall     string         // a path whose answer never ends
	stalled   chan struct{}  // told when it was asked for
	published int
	asked     []string // method, path and range of every request
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	needTools(t, "apt-get", "apt-config", "dpkg-deb", helper)
	key, err := openpgp.NewEntity("an archive", "for tests", "archive@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	var ring bytes.Buffer
	if err := key.Serialize(&ring); err != nil {
		t.Fatal(err)
	}
	a := &archive{t: t, key: key, keyring: filepath.Join(t.TempDir(), "archive.gpg"), files: map[string][]byte{}, times: map[string]time.Time{}, cut: map[string]int{}, stalled: make(chan struct{}, 16)}
	if err := os.WriteFile(a.keyring, ring.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(server.Close)
	a.mirror, a.service = server.URL+"/debian", server.URL+"/snapshot/{snapshot}"
	return a
}

func (a *archive) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	b, ok := a.files[r.URL.Path]
	modified := a.times[r.URL.Path]
	n, cut := a.cut[r.URL.Path]
	delete(a.cut, r.URL.Path)
	stall := a.stall == r.URL.Path
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	if stall {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b[:1])
		w.(http.Flusher).Flush()
		a.stalled <- struct{}{}
		<-r.Context().Done()
		return
	}
	if cut {
		w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b[:n])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(b))
}

// publish puts a suite with these packages below the path root, at a time.
func (a *archive) publish(root, suite string, date time.Time, valid time.Duration, packages ...deb) {
	a.t.Helper()
	var index strings.Builder
	files := map[string][]byte{}
	for _, d := range packages {
		b := d.bytes(a.t)
		fmt.Fprintf(&index, "%sFilename: %s\nSize: %d\nSHA256: %x\nDescription: for tests\n\n", d.control(), d.filename(), len(b), sha256.Sum256(b))
		files[root+"/"+d.filename()] = b
	}
	list := fmt.Sprintf("main/binary-%s/Packages", arch())
	dist := root + "/dists/" + suite + "/"
	files[dist+list] = []byte(index.String())
	release := fmt.Sprintf("Origin: Test\nSuite: %s\nCodename: %[1]s\nArchitectures: %s\nComponents: main\nDate: %s\n", suite, arch(), date.UTC().Format(time.RFC1123))
	if valid != 0 {
		release += "Valid-Until: " + date.Add(valid).UTC().Format(time.RFC1123) + "\n"
	}
	release += fmt.Sprintf("SHA256:\n %x %d %s\n", sha256.Sum256([]byte(index.String())), index.Len(), list)
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, a.key.PrivateKey, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := w.Write([]byte(release)); err != nil {
		a.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		a.t.Fatal(err)
	}
	files[dist+"InRelease"] = signed.Bytes()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.published++
	modified := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(a.published) * time.Minute) // grows from one to the next
	for name, b := range files {
		if !bytes.Equal(a.files[name], b) {
			a.files[name], a.times[name] = b, modified
		}
	}
}

// requests returns what was asked for since the last call and has part in it.
func (a *archive) requests(part string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.asked
	a.asked = nil
	return slices.DeleteFunc(all, func(s string) bool { return !strings.Contains(s, part) })
}

func (a *archive) change(name string, b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b == nil {
		delete(a.files, name)
	} else {
		a.files[name] = b
	}
}

// suite is the archive's suite as a scenario would name it.
func (a *archive) suite(name string) Archive {
	return Archive{Suite: name, Mirror: a.mirror, Snapshots: a.service, Keyring: a.keyring}
}

func (a *archive) client() *Client {
	return &Client{Dir: a.t.TempDir(), Env: kept(), Progress: func(line string) { a.t.Log(line) }}
}

// plain is a package with one file, which holds its version.
func plain(name, version, depends string) deb {
	file := "./usr/share/" + name
	return deb{name, version, depends, []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "./usr/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/share/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: file, Typeflag: tar.TypeReg, Mode: 0o644},
	}, map[string]string{file: version + strings.Repeat(".", 64<<10)}}
}

func dir(name string) tar.Header {
	return tar.Header{Name: "./" + name + "/", Typeflag: tar.TypeDir, Mode: 0o755}
}

func file(name string) tar.Header {
	return tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o644}
}

func link(name, to string) tar.Header {
	return tar.Header{Name: "./" + name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
}

// write puts a deb on disk.
func (d deb) write(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), d.name+".deb")
	if err := os.WriteFile(name, d.bytes(t), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
