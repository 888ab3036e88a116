package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStatusIsExplainedOrTriedAgain(t *testing.T) {
	content := noise(20, 1000)
	for _, test := range []struct {
		status   int
		after    string // Retry-After
		times    int
		requests int
		want     string // "": the file
	}{
		{401, "", 9, 1, "wants a login"},
		{403, "", 9, 1, "give it as a file"},
		{404, "", 9, 1, "404 Not Found: the file is not there; check the version and the URL"},
		{410, "", 9, 1, "check the version"},
		{407, "", 9, 1, "http_proxy"},
		{501, "", 9, 1, "501 Not Implemented"},
		{204, "", 9, 1, "204 No Content"},
		{500, "", 2, 3, ""},
		{503, "0", 2, 3, ""},
		{429, "0", 2, 3, ""},
		{503, "", 9, 4, "503 Service Unavailable, and 4 tries in a row brought nothing new"},
		{429, "3600", 9, 1, "asks to wait for 1h0m0s; run again then"},
	} {
		t.Run(strconv.Itoa(test.status)+test.want, func(t *testing.T) {
			s := newSite(t, content, func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n >= test.times {
					return false
				}
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.WriteHeader(test.status)
				return true
			})
			c, _ := quick(t)
			c.Tries = 4
			path, err := c.Get(t.Context(), s.URL, sumOf(content), 0)
			if test.want == "" {
				wantFile(t, path, err, content)
			} else {
				wantError(t, err, s.URL, test.want)
				wantNames(t, c.Dir, sumOf(content)+".lock")
			}
			if n := len(s.requests()); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

func TestNoServerIsTriedAFewTimes(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	c, said := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantError(t, err, "connection refused", "6 tries")
	if len(said.lines) != 5 {
		t.Errorf("said %q, want 5 lines", said.lines)
	}
}

func TestAnUnknownCertificateIsNotTriedAgain(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would say that we hung up
	s.StartTLS()
	defer s.Close()
	c, said := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantError(t, err, "certificate")
	if len(said.lines) != 0 {
		t.Errorf("said %q, want nothing", said.lines)
	}
}

func TestTheKeyInARedirectionIsNotTold(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	s := httptest.NewServer(http.RedirectHandler(gone.URL+"/?key=12345", http.StatusFound))
	defer s.Close()
	c, _ := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantError(t, err, s.URL, "connection refused")
	if strings.Contains(err.Error(), "12345") {
		t.Error(err)
	}
}

func TestARedirectionLeadsToNoOtherScheme(t *testing.T) {
	s := newSite(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", "file:///etc/hostname")
		w.WriteHeader(http.StatusFound)
		return true
	})
	c, _ := quick(t)
	_, err := c.Get(t.Context(), s.URL, sumOf(nil), 0)
	wantError(t, err, `unsupported protocol scheme "file"`)
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// transport is a server without a network, for tests in which the time is not real.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestAStalledConnectionIsBrokenAndResumed(t *testing.T) {
	content := noise(21, 100_000)
	c, said := quick(t)
	c.Delay = 0
	synctest.Test(t, func(t *testing.T) {
		var ranges []string
		c.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			ranges = append(ranges, r.Header.Get("Range"))
			body, server := io.Pipe()
			resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, ContentLength: 100_000, Request: r}
			from, to := 0, 30_000
			switch len(ranges) {
			case 2: // nor does it answer at all
				<-r.Context().Done()
				return nil, r.Context().Err()
			case 3:
				from, to = 30_000, 100_000
				resp.StatusCode, resp.ContentLength = http.StatusPartialContent, 70_000
				resp.Header.Set("Content-Range", "bytes 30000-99999/100000")
			}
			go func() {
				for i := from; i < to; i += 10_000 {
					time.Sleep(25 * time.Second) // slow is not stalled
					_, _ = server.Write(content[i : i+10_000])
				}
				if to == len(content) {
					server.Close()
					return
				}
				<-r.Context().Done()
				server.CloseWithError(r.Context().Err())
			}()
			return resp, nil
		})}
		start := time.Now()
		path, err := c.Get(t.Context(), "http://example.org/tool", sumOf(content), 0)
		wantFile(t, path, err, content)
		if got := strings.Join(ranges, " "); got != " bytes=30000- bytes=30000-" {
			t.Errorf("ranges %q", got)
		}
		// 3 × 25 s of bytes and 30 of none, a wait of 1, 30 of no answer, a wait of 2, 7 × 25.
		if took := time.Since(start); took != 313*time.Second {
			t.Errorf("took %s", took)
		}
	})
	said.want(t, "the server sent nothing for 30s; trying again in 1s from byte 30000")
}

func TestASlowDiskIsNoStall(t *testing.T) {
	content := noise(22, 200_000)
	c, said := quick(t)
	synctest.Test(t, func(t *testing.T) {
		c.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			body := io.NopCloser(ended{r.Context(), bytes.NewReader(content)})
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, ContentLength: 200_000, Request: r}, nil
		})}
		c.Progress = func(_, _ int64) { time.Sleep(time.Minute) }
		path, err := c.Get(t.Context(), "http://example.org/tool", sumOf(content), 0)
		wantFile(t, path, err, content)
	})
	if len(said.lines) > 0 {
		t.Errorf("said %q, want nothing", said.lines)
	}
}

// ended is a body that ends with its request, as those of a network do.
type ended struct {
	ctx context.Context
	in  io.Reader
}

func (e ended) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.in.Read(p)
}

func TestWaitsGrowToHalfAMinuteInAll(t *testing.T) {
	c, _ := quick(t)
	c.Delay = 0
	synctest.Test(t, func(t *testing.T) {
		c.HTTP = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no route to host")
		})}
		start := time.Now()
		_, err := c.Get(t.Context(), "http://example.org/tool", sumOf(nil), 0)
		wantError(t, err, "no route to host, and 6 tries in a row")
		if took := time.Since(start); took != 31*time.Second {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestProgressIsToldFourTimesASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int64
		m := meter{report: func(done, total int64) { told = append(told, done) }}
		for i := range int64(1000) { // one second
			m.at(i, 1000)
			time.Sleep(time.Millisecond)
		}
		m.end(1000, 1000)
		if len(told) != 5 || told[0] != 0 || told[4] != 1000 {
			t.Errorf("told %d times: %d", len(told), told)
		}
	})
}
