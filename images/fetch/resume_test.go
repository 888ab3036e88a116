package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestALostConnectionIsResumedAsOftenAsItBringsSomething(t *testing.T) {
	content := noise(10, 1_000_000)
	s := newSite(t, content, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		cut(content, w, r, 60_000)
		return true
	})
	c, said := quick(t)
	c.Tries = 2 // far less than it takes
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	said.want(t, "trying again in")
	all := s.requests()
	if len(all) < 17 {
		t.Errorf("%d requests of 60000 bytes at most for 1000000 bytes", len(all))
	}
	last := 0
	for _, r := range all[1:] {
		var from int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil || from <= last {
			t.Errorf("Range %q after one from %d: not resumed", r.Header.Get("Range"), last)
		}
		if r.Header.Get("If-Range") != `"`+sumOf(content)+`"` {
			t.Errorf("If-Range %q, want the file's ETag", r.Header.Get("If-Range"))
		}
		last = from
	}
}

func TestAServerThatIgnoresRangeStartsAnew(t *testing.T) {
	content := noise(11, 500_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if n == 0 {
			cut(content, w, r, 200_000)
		}
		return false
	})
	c, said := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	said.want(t, "does not resume")
}

func TestAServerThatNeverComesFartherIsGivenUp(t *testing.T) {
	content := noise(12, 500_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		cut(content, w, r, 200_000)
		return true
	})
	c, _ := quick(t)
	c.Tries = 4
	leave(t, c, content, content[:200_000])
	_, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantError(t, err, "4 tries in a row brought nothing new", "run again later")
	if n := len(s.requests()); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

func TestAFileThatChangesUnderWayIsNotMixed(t *testing.T) {
	old, content := noise(13, 400_000), noise(14, 400_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			cut(old, w, r, 150_000)
		}
		return false
	})
	c, _ := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests, want 2: If-Range tells the server what the part is of", n)
	}
}

func TestAMixOfTwoFilesIsStartedAnew(t *testing.T) {
	old, content := noise(40, 400_000), noise(41, 400_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `W/"like"`) // too weak for If-Range
		if n == 0 {
			http.ServeContent(&cutAfter{w, 150_000}, r, "", time.Time{}, bytes.NewReader(old))
		}
		return false
	})
	c, said := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	said.want(t, "does not fit")
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestAWrongFileInPiecesIsNotAskedForForEver(t *testing.T) {
	content := noise(42, 100_000)
	s := newSite(t, content, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		cut(content, w, r, 60_000)
		return true
	})
	c, _ := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantError(t, err, "want sha256 "+sumOf(nil))
	if n := len(s.requests()); n != 4 {
		t.Errorf("%d requests, want 4: two pieces, twice", n)
	}
}

// A server that gives no length can end early without a word.
func TestAnAnswerThatEndsEarlyIsResumed(t *testing.T) {
	content := noise(43, 100_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 0 {
			return false
		}
		_, _ = w.Write(content[:40_000])
		return true
	})
	c, said := quick(t)
	path, err := c.Get(t.Context(), s.URL, sumOf(content), int64(len(content)))
	wantFile(t, path, err, content)
	said.want(t, "sent 40000 bytes of 100000")
}

// The part may come from a server that now has another file, or have lost its end when the power went.
func TestAPartThatDoesNotFitIsStartedAnewOnce(t *testing.T) {
	content := noise(15, 100_000)
	for _, left := range [][]byte{noise(16, 40_000), noise(16, 100_000), noise(16, 140_000), content[:99_999]} {
		s := newSite(t, content, nil)
		c, said := quick(t)
		leave(t, c, content, left)
		path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
		wantFile(t, path, err, content)
		if len(left) != 99_999 {
			said.want(t, "does not fit")
		}

		leave(t, c, noise(17, 1), left)
		_, err = c.Get(t.Context(), s.URL, sumOf(noise(17, 1)), 0)
		wantError(t, err, "got "+sumOf(content))
	}
}

// As after a power cut between the last byte and the new name.
func TestAPartThatIsWholeIsTakenAsItIs(t *testing.T) {
	content := noise(18, 100_000)
	for _, size := range []int64{0, 100_000} {
		s := newSite(t, content, nil)
		c, _ := quick(t)
		leave(t, c, content, content)
		path, err := c.Get(t.Context(), s.URL, sumOf(content), size)
		wantFile(t, path, err, content)
		// Of an unknown size only the server can say that nothing lacks.
		if n := len(s.requests()); size > 0 && n != 0 || n > 1 {
			t.Errorf("size %d: %d requests", size, n)
		}
	}
}

func TestAnAnswerOfAnotherRangeIsNotTaken(t *testing.T) {
	content := noise(19, 100_000)
	s := newSite(t, content, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			r.Header.Set("Range", "bytes=10-")
		}
		return false
	})
	c, said := quick(t)
	leave(t, c, content, content[:30_000])
	path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
	wantFile(t, path, err, content)
	said.want(t, `asked for the bytes from 30000 on, the server sent "bytes 10-`)
}

// leave puts into the folder what an earlier process left of the file whose content is whole.
func leave(t *testing.T, c *Client, whole, left []byte) {
	t.Helper()
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, sumOf(whole)+".part"), left, 0o644); err != nil {
		t.Fatal(err)
	}
}
