package fetch

import (
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileIsFetchedOnceAndThenKept(t *testing.T) {
	content := noise(1, 300_000)
	s := newSite(t, content, nil)
	c, _ := quick(t)
	if _, err := c.Stored(sumOf(content)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Stored: %v, want that it does not exist", err)
	}
	for range 2 {
		path, err := c.Get(t.Context(), s.URL, strings.ToUpper(sumOf(content)), int64(len(content)))
		wantFile(t, path, err, content)
	}
	s.Close()
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestAnEmptyFileIsAFile(t *testing.T) {
	s := newSite(t, nil, nil)
	c, _ := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantFile(t, path, err, nil)
}

func TestADamagedFileIsFetchedAgain(t *testing.T) {
	content := noise(2, 100_000)
	s := newSite(t, content, nil)
	c, said := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	if err := os.WriteFile(path, append([]byte("x"), content[1:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err = c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	said.want(t, "is damaged")
}

func TestWhatCannotBeFetchedIsRefused(t *testing.T) {
	sum := strings.Repeat("a", 64)
	for _, test := range []struct{ url, sum, want string }{
		{"file:///etc/hostname", sum, `want http or https, got "file"; a file of this machine needs no fetching`},
		{"ftp://example.org/x", sum, `got "ftp"`},
		{"/x", sum, `got ""`},
		{"http:///x", sum, "no host"},
		{"http://[", sum, "http://["},
		{"http://example.org/x", "", `sha256 "": want 64 hex digits`},
		{"http://example.org/x", "../../" + sum[6:], "want 64 hex digits"},
		{"file://user:word@example.org/x", sum, "user:xxxxx@"},
	} {
		c, _ := quick(t)
		_, err := c.Get(t.Context(), test.url, test.sum, 0)
		wantError(t, err, "fetch", test.want)
		if _, err := os.Stat(c.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the folder was made", test.url)
		}
	}
}

func TestAWrongFileIsNeitherKeptNorAskedForAgain(t *testing.T) {
	s := newSite(t, noise(3, 100_000), nil)
	c, _ := quick(t)
	want := sumOf(noise(4, 1))
	_, err := c.Get(t.Context(), s.URL+"/tool.tgz", want, 0)
	wantError(t, err, s.URL+"/tool.tgz", "want sha256 "+want, "got "+sumOf(s.content), "correct the sha256")
	if e, ok := errors.AsType[*ChecksumError](err); !ok || e.Want != want || e.Got != sumOf(s.content) {
		t.Errorf("%#v: no ChecksumError with both sums", err)
	}
	wantNames(t, c.Dir, want+".lock")
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestALoginPageIsCalledAPage(t *testing.T) {
	s := newSite(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<form>"))
		return true
	})
	c, _ := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(noise(5, 1)), 0)
	wantError(t, err, "a page and not a file")
}

func TestAFileOfAnotherSizeIsNotFetched(t *testing.T) {
	content := noise(6, 50_000)
	chunked := func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/chunked" { // so that no length is known beforehand
			for i := 0; i < len(content); i += 10_000 {
				_, _ = w.Write(content[i : i+10_000])
				w.(http.Flusher).Flush()
			}
			return true
		}
		return false
	}
	s := newSite(t, content, chunked)
	for _, test := range []struct {
		path        string
		size, limit int64
		want        string
	}{
		{"/", 50_001, 0, "has 50000 bytes, want 50001"},
		{"/", 0, 49_999, "has 50000 bytes, and at most 49999 are allowed"},
		{"/chunked", 49_999, 0, "more than the 49999 bytes"},
		{"/chunked", 0, 49_999, "more than the 49999 bytes"},
	} {
		c, _ := quick(t)
		c.Limit = test.limit
		_, err := c.Get(t.Context(), s.URL+test.path, sumOf(content), test.size)
		wantError(t, err, test.want)
		wantNames(t, c.Dir, sumOf(content)+".lock")
	}
}

func TestAGzippedAnswerStaysAsItIs(t *testing.T) {
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(noise(7, 1000))
	z.Close()
	s := newSite(t, []byte(zipped.String()), func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Encoding", "gzip") // as some servers say of every .tar.gz
		return false
	})
	c, _ := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(s.content), 0)
	wantFile(t, path, err, s.content)
}

func TestACancelledFetchIsContinued(t *testing.T) {
	content := noise(8, 200_000)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the user had enough")
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("Content-Length", "200000")
		_, _ = w.Write(content[:70_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	c, said := quick(t)
	c.Progress = func(done, _ int64) {
		if done > 0 {
			cancel(stop)
		}
	}
	if _, err := c.Get(ctx, s.URL, sumOf(content), 0); !errors.Is(err, stop) {
		t.Fatalf("%v, want %v", err, stop)
	}
	part, err := os.ReadFile(filepath.Join(c.Dir, sumOf(content)+".part"))
	if err != nil || len(part) == 0 {
		t.Fatalf("the part: %d bytes, %v", len(part), err)
	}
	if len(said.lines) > 0 {
		t.Errorf("said %q, want nothing", said.lines)
	}
	c.Progress = nil
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	if r := s.requests()[1].Header.Get("Range"); !strings.HasPrefix(r, "bytes=") || r == "bytes=0-" {
		t.Errorf("Range %q: not continued", r)
	}
}

func TestAFetchThatIsNotAnsweredYetCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the user had enough")
	s := newSite(t, nil, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		cancel(stop)
		<-r.Context().Done()
		return true
	})
	c, _ := quick(t)
	if _, err := c.Get(ctx, s.URL, sumOf(nil), 0); !errors.Is(err, stop) {
		t.Errorf("%v, want %v", err, stop)
	}
}
