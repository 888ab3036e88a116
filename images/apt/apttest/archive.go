// Package apttest is a Debian archive on loopback, with a snapshot service beside it, for tests: signed by a
// key of its own, with packages that a test writes down or has from Debian, and with the faults of real
// servers where a test asks for them.
//
// Limits: one component, main; one architecture, this machine's, where Debian names it as Go does; indexes as
// plain text.
package apttest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// Where an archive has what: the suites as they are now, and below a time those of then.
const (
	Now  = "/debian"
	Then = "/snapshot/"
)

// Archive is served until its test ends.
type Archive struct {
	Keyring   string        // a file that every user may read
	Mirror    string        // URL of what lies below Now
	Snapshots string        // URL template of what lies below Then, with {snapshot} where the time goes
	Stalled   chan struct{} // told when what Stall named is asked for

	t   testing.TB
	key *openpgp.Entity

	mu        sync.Mutex
	files     map[string]file // by path
	times     []string        // of the snapshots, sorted
	cut       map[string]int  // path -> bytes after which the next answer breaks off
	stall     string          // a path whose answer never ends
	published int
	asked     []string // path and range of every request
}

type file struct {
	content  []byte
	modified time.Time
}

// New starts an archive with nothing in it.
func New(t testing.TB) *Archive {
	t.Helper()
	key, err := openpgp.NewEntity("an archive", "for tests", "archive@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	var ring bytes.Buffer
	if err := key.Serialize(&ring); err != nil {
		t.Fatal(err)
	}
	// mmdebstrap reads it as another user, and t.TempDir is closed to others.
	dir, err := os.MkdirTemp("", "apttest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &Archive{
		t: t, key: key, Keyring: filepath.Join(dir, "archive.gpg"), Stalled: make(chan struct{}, 16),
		files: map[string]file{}, cut: map[string]int{},
	}
	if err := os.WriteFile(a.Keyring, ring.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(server.Close)
	a.Mirror, a.Snapshots = server.URL+Now, server.URL+Then+"{snapshot}"
	return a
}

func (a *Archive) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	name := a.asOf(r.URL.Path)
	f, ok := a.files[name]
	n, cut := a.cut[name]
	delete(a.cut, name)
	stall := a.stall == name
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	if stall {
		w.Header().Set("Content-Length", fmt.Sprint(len(f.content)))
		w.Write(f.content[:1])
		w.(http.Flusher).Flush()
		a.Stalled <- struct{}{}
		<-r.Context().Done()
		return
	}
	if cut {
		w.Header().Set("Last-Modified", f.modified.Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(f.content)))
		w.Write(f.content[:n])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.content))
}

// asOf does as snapshot services do: at a time between two snapshots it is as it was at the former.
func (a *Archive) asOf(name string) string {
	rest, ok := strings.CutPrefix(name, Then)
	at, rest, _ := strings.Cut(rest, "/")
	if !ok {
		return name
	}
	i, exact := slices.BinarySearch(a.times, at)
	if !exact && i > 0 {
		at = a.times[i-1]
	}
	return Then + at + "/" + rest
}

// Publish puts a suite with these packages below root: Now, or Then and a time. Its Release file is of date,
// and counts for as long as valid says; 0: for ever.
func (a *Archive) Publish(root, suite string, date time.Time, valid time.Duration, packages ...Package) {
	a.t.Helper()
	var index strings.Builder
	files := map[string][]byte{}
	for _, p := range packages {
		fmt.Fprintf(&index, "%sFilename: %s\nSize: %d\nSHA256: %x\n\n", p.Control, p.Filename, len(p.Content), sha256.Sum256(p.Content))
		files[root+"/"+p.Filename] = p.Content
	}
	list := fmt.Sprintf("main/binary-%s/Packages", runtime.GOARCH)
	dist := root + "/dists/" + suite + "/"
	files[dist+list] = []byte(index.String())
	release := fmt.Sprintf("Origin: Test\nSuite: %s\nCodename: %[1]s\nArchitectures: %s\nComponents: main\nDate: %s\n", suite, runtime.GOARCH, date.UTC().Format(time.RFC1123))
	if valid != 0 {
		release += "Valid-Until: " + date.Add(valid).UTC().Format(time.RFC1123) + "\n"
	}
	release += fmt.Sprintf("SHA256:\n %x %d %s\n", sha256.Sum256([]byte(index.String())), index.Len(), list)
	files[dist+"InRelease"] = a.sign(release)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.published++
	modified := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(a.published) * time.Minute) // grows from one to the next
	for name, b := range files {
		if !bytes.Equal(a.files[name].content, b) {
			a.files[name] = file{b, modified}
		}
	}
	if at, ok := strings.CutPrefix(root, Then); ok && !slices.Contains(a.times, at) {
		a.times = append(a.times, at)
		slices.Sort(a.times)
	}
}

func (a *Archive) sign(text string) []byte {
	a.t.Helper()
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, a.key.PrivateKey, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		a.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		a.t.Fatal(err)
	}
	return signed.Bytes()
}

// Requests returns what was asked for since the last call and has part in it.
func (a *Archive) Requests(part string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.asked
	a.asked = nil
	return slices.DeleteFunc(all, func(s string) bool { return !strings.Contains(s, part) })
}

// Remove takes one file away.
func (a *Archive) Remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.files, name)
}

// Change gives one file another content, of which no index knows.
func (a *Archive) Change(name string, b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[name] = file{b, a.files[name].modified}
}

// Modified is what the server says of when a file has changed.
func (a *Archive) Modified(name string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.files[name].modified
}

// Cut breaks the next answer off after n bytes.
func (a *Archive) Cut(name string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut[name] = n
}

// Stall lets no answer for name end; "" ends that.
func (a *Archive) Stall(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stall = name
}
