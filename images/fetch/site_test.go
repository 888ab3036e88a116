package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a server with one file. What it does wrong is put before that by the tests.
type site struct {
	*httptest.Server
	content []byte

	mu    sync.Mutex
	asked []*http.Request // without bodies
}

// newSite serves content as a good server does; wrong, if not nil, answers the nth request, from 0 on, in its
// own way and reports whether it did.
func newSite(t *testing.T, content []byte, wrong func(n int, w http.ResponseWriter, r *http.Request) bool) *site {
	t.Helper()
	s := &site{content: content}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.asked)
		s.asked = append(s.asked, r.Clone(context.WithoutCancel(r.Context())))
		s.mu.Unlock()
		if wrong != nil && wrong(n, w, r) {
			return
		}
		if w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", `"`+sumOf(content)+`"`)
		}
		http.ServeContent(w, r, "tool.bin", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(s.Close)
	return s
}

// requests returns all requests so far, as they came.
func (s *site) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// cutAfter sends the first n bytes of what w is given, and then breaks the connection.
type cutAfter struct {
	http.ResponseWriter
	n int
}

func (c *cutAfter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.n)])
	c.n -= n
	if err == nil && c.n == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// cut serves content, and breaks the connection after n bytes of the answer.
func cut(content []byte, w http.ResponseWriter, r *http.Request, n int) {
	w.Header().Set("ETag", `"`+sumOf(content)+`"`)
	http.ServeContent(&cutAfter{w, n}, r, "tool.bin", time.Time{}, bytes.NewReader(content))
}

// noise is the same bytes each time, different for each seed.
func noise(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// quick is a Client that does not wait long, and what it said.
func quick(t *testing.T) (*Client, *said) {
	s := &said{}
	return &Client{Dir: filepath.Join(t.TempDir(), "files"), Delay: time.Millisecond, Say: s.add}, s
}

type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) want(t *testing.T, text string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(strings.Join(s.lines, "\n"), text) {
		t.Errorf("said %q, want %q in it", s.lines, text)
	}
}

// wantFile checks that path holds content, and that nothing but it and its lock is in the folder.
func wantFile(t *testing.T, path string, err error, content []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("%s: %d other bytes, want %d", path, len(got), len(content))
	}
	wantNames(t, filepath.Dir(path), sumOf(content), sumOf(content)+".lock")
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, d.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("in the folder: %q, want %q", got, want)
	}
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
