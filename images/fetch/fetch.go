// Package fetch gets files whose sha256 is known beforehand, and keeps each under that sum.
//
// A path that Get returns names a file that had the right bytes a moment ago: they are checked as they
// arrive, and read again whenever a kept file is asked for. What arrived before a connection was lost, or
// before the process was killed, is kept and continued. Several processes, and several calls in one, may use
// one folder: a file is fetched by one of them while the others wait for it.
//
// It speaks http and https only, one connection for each file, and knows no credentials but those within a
// URL. It removes nothing but what is wrong: whoever owns the folder also tidies it. Of a file it holds
// <sha256>, <sha256>.part while it is not whole, and an empty <sha256>.lock that stays.
package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Client fetches into one folder. Its fields are set before the first call; all but Dir may be left zero.
// Calls may run at the same time, and call the functions at the same time: whoever wants to tell downloads
// apart takes a Client for each.
type Client struct {
	Dir   string        // where the files are kept; made if need be
	HTTP  *http.Client  // nil: Go's own, which takes its proxies from the environment
	Stall time.Duration // a connection that brings no byte for so long is broken, and what it began resumed; 0: 30 s
	Tries int           // how many in a row may bring nothing new; 0: 6
	Delay time.Duration // before the second try, doubled for each further one; 0: 1 s, which makes half a minute in all
	Limit int64         // bytes that a file of unknown size may have; 0: 4 GiB

	// Progress is told at most four times a second how many bytes there are, and of how many, 0 where that is
	// not known.
	Progress func(done, total int64)
	// Say is told of waits, losses and damages.
	Say func(string)
}

var sums = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Get returns the path of the file whose sha256, in hex, is sum, and fetches it if it is not kept already.
// Size is in bytes, 0 if unknown. That the server has another file is a *ChecksumError. What ctx ends can be
// continued by the next call.
func (c *Client) Get(ctx context.Context, rawURL, sum string, size int64) (string, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return "", fmt.Errorf("fetch: %w", err) // names the URL
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("fetch %s: want http or https, got %q; a file of this machine needs no fetching", u.Redacted(), u.Scheme)
	case u.Host == "":
		return "", fmt.Errorf("fetch %s: no host in it", u.Redacted())
	}
	path, err := c.get(ctx, u, strings.ToLower(sum), size)
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", u.Redacted(), err)
	}
	return path, nil
}

func (c *Client) get(ctx context.Context, u *url.URL, sum string, size int64) (_ string, err error) {
	path, err := c.Stored(sum)
	if err == nil {
		return path, nil
	}
	if path == "" {
		return "", err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", diskError(err)
	}
	unlock, err := c.lock(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	switch _, err := c.Stored(sum); { // another process may have fetched it meanwhile
	case err == nil:
		return path, nil
	case !errors.Is(err, fs.ErrNotExist):
		c.say(fmt.Sprintf("%v; fetching it again", err))
	}

	p, err := openPart(path + ".part")
	if err != nil {
		return "", err
	}
	defer p.close()
	d := c.download(u, sum, size, p)
	if err := d.run(ctx); err != nil {
		return "", err
	}
	return path, p.keep(path)
}

// Stored returns the path under which the file of that sha256 is kept, and nil if it is there and whole. If
// there is none the error is fs.ErrNotExist; any other says what is wrong with it. It goes to no server.
func (c *Client) Stored(sum string) (string, error) {
	sum = strings.ToLower(sum)
	if !sums.MatchString(sum) {
		return "", fmt.Errorf("sha256 %q: want 64 hex digits", sum)
	}
	path := filepath.Join(c.Dir, sum)
	f, err := os.Open(path)
	if err != nil {
		return path, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return path, err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return path, fmt.Errorf("%s is damaged: its sha256 is %s", path, got)
	}
	return path, nil
}

// lock waits until no other process, and no other call in this one, fetches the file.
func (c *Client) lock(ctx context.Context, path string) (unlock func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		c.say("waiting for another process that is fetching it")
		if _, err = l.TryLockContext(ctx, 200*time.Millisecond); ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, diskError(err))
	}
	return func() { l.Close() }, nil
}

func (c *Client) say(line string) {
	if c.Say != nil {
		c.Say(line)
	}
}
