package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"

	"buildbisect/images/workdir"
)

// parallel is how many packages are fetched at once; a mirror is used by many.
const parallel = 4

// Fetch returns for each package the path of its .deb file, of which size and digest are right at that
// moment. It lies below c.Dir or is fetched there: from where it was found; or else from the mirror's pool;
// or else, when the mirror has dropped it and a.Snapshot is set, from the snapshot service as of that time.
// No index is needed: packages of a lock will do.
func (c *Client) Fetch(ctx context.Context, a Archive, packages []Package) ([]string, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	for _, p := range packages {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "debs"), 0o755); err != nil {
		return nil, err
	}
	out := make([]string, len(packages))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(parallel)
	for i, p := range packages {
		out[i] = c.path(p)
		work.Go(func() error {
			if err := c.fetch(ctx, a, p, out[i]); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return fmt.Errorf("package %s: %w", p, err)
			}
			return nil
		})
	}
	return out, work.Wait()
}

// Cached returns where p's .deb file lies, if it is here already, and whole.
func (c *Client) Cached(p Package) (path string, ok bool) {
	path = c.path(p)
	return path, p.check() == nil && verify(path, p) == nil
}

func (c *Client) path(p Package) string { return filepath.Join(c.Dir, "debs", p.SHA256+".deb") }

// fetch has p at path when it returns.
func (c *Client) fetch(ctx context.Context, a Archive, p Package, path string) error {
	if verify(path, p) == nil {
		return nil
	}
	unlock, err := c.lock(ctx, path+".lock", p.String())
	if err != nil {
		return err
	}
	defer unlock() // the file stays: removed, it could be locked by one process and made anew by the next
	if verify(path, p) == nil {
		return nil
	}
	c.say("fetching %s, %s", p, humanize.Bytes(uint64(p.Size)))

	var missing []string
	try := func(from string) (found bool, err error) {
		_, partErr := os.Stat(path + ".part")
		err = c.download(ctx, from, p, path+".part")
		var cmd *commandError
		if partErr == nil && errors.As(err, &cmd) && strings.Contains(cmd.Error(), "Hash Sum mismatch") {
			err = c.download(ctx, from, p, path+".part") // what was resumed was no part of it; it is gone now
		}
		if errors.As(err, &cmd) && strings.Contains(cmd.said, "  404  ") {
			missing = append(missing, from)
			return false, nil
		}
		if err != nil {
			return false, explain(err)
		}
		if err := verify(path+".part", p); err != nil {
			return false, err
		}
		return true, os.Rename(path+".part", path)
	}
	if p.URL != "" {
		if ok, err := try(p.URL); ok || err != nil {
			return err
		}
	}
	mirrors, mirrorErr := c.mirrors(ctx, Archive{Suite: a.Suite, Mirror: a.Mirror, Keyring: a.Keyring})
	seen := map[string]bool{p.URL: true}
	for _, m := range mirrors {
		if from := m.base + "/" + escape(p.Filename); !seen[from] {
			seen[from] = true
			if ok, err := try(from); ok || err != nil {
				return err
			}
		}
	}
	if a.Snapshot == "" && mirrorErr != nil {
		return mirrorErr
	}
	if a.Snapshot == "" {
		return fmt.Errorf("gone from the mirror (404 at %s); give a snapshot: a time when Debian had it", strings.Join(missing, ", "))
	}
	base, err := c.SnapshotURL(ctx, a)
	if err != nil {
		return errors.Join(mirrorErr, fmt.Errorf("gone from the mirror (404 at %s); %w", strings.Join(missing, ", "), err))
	}
	if from := strings.TrimRight(base, "/") + "/" + escape(p.Filename); !seen[from] {
		if ok, err := try(from); ok || err != nil {
			return err
		}
	}
	return errors.Join(mirrorErr, fmt.Errorf("neither the mirror nor the snapshot service has it (404 at %s); "+
		"give another snapshot: a time when Debian had it", strings.Join(missing, ", ")))
}

// download fetches one file with apt's own means. What an earlier download left in path is resumed if the
// server can.
func (c *Client) download(ctx context.Context, from string, p Package, path string) error {
	work, err := workdir.New(workdir.Apt)
	if err != nil {
		return err
	}
	defer func() {
		if left := work.Remove(); left != nil {
			c.say("left %s behind: %v; remove it", work.Path, left)
		}
	}()
	env, err := c.workspace(ctx, work.Path, nil, true)
	if err != nil {
		return err
	}
	os.Remove(path + ".FAILED") // what apt leaves of a file that was wrong
	cmd := command(ctx, env, helper, "download-file", from, path, "SHA256:"+p.SHA256, fmt.Sprintf("Checksum-FileSize:%d", p.Size))
	work.Hand(cmd)
	_, err = finish(ctx, cmd)
	os.Remove(path + ".FAILED")
	return err
}

// verify compares a file with what it must be.
func verify(path string, p Package) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() != p.Size {
		return fmt.Errorf("%s has %d bytes, want %d", path, info.Size(), p.Size)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != p.SHA256 {
		return fmt.Errorf("%s has sha256 %s, want %s", path, sum, p.SHA256)
	}
	return nil
}

// escape makes a file name a part of a URL. Not all servers take a bare + for what it is.
func escape(name string) string {
	return strings.NewReplacer("+", "%2b", "~", "%7e").Replace((&url.URL{Path: name}).EscapedPath())
}
