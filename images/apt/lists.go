package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lists are the indexes of one archive at one moment: a folder in which apt can resolve. Once ready it does
// not change any more; a refresh makes another. Whoever uses one holds a shared lock on it as long as the
// Client lives, so that others do not sweep it.
type lists struct {
	dir  string
	env  []string // for apt commands
	held *flock.Flock
	date time.Time // of the newest Release file
}

// index returns the archive's indexes, fetched at most once in the Client's life, and for a snapshot only
// once ever.
func (c *Client) index(ctx context.Context, a Archive) (*lists, error) {
	sources, err := c.sources(ctx, a)
	if err != nil {
		return nil, err
	}
	var all strings.Builder
	for _, s := range sources {
		all.WriteString(s.line() + "\n")
	}
	sum := sha256.Sum256([]byte(c.Dir + "\n" + arch() + "\n" + all.String())) // apt.conf holds the folder's path
	key := hex.EncodeToString(sum[:])

	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lists[key]; l != nil {
		return l, nil
	}
	l, err := c.refresh(ctx, filepath.Join(c.Dir, "lists", key), sources, a.Snapshot != "")
	if err != nil {
		return nil, fmt.Errorf("suite %s: %w", a.name(), explain(err))
	}
	if c.lists == nil {
		c.lists = map[string]*lists{}
	}
	c.lists[key] = l
	return l, nil
}

func (a Archive) name() string {
	if a.Snapshot != "" {
		return a.Suite + " at " + a.Snapshot
	}
	return a.Suite
}

// explain adds the next step to what apt says.
func explain(err error) error {
	var cmd *commandError
	if !errors.As(err, &cmd) {
		return err
	}
	switch why := cmd.Error(); {
	case strings.Contains(why, "is expired"):
		return fmt.Errorf("%w; give a snapshot, or a mirror that is up to date", err)
	case tellingLines[2].MatchString(why) || strings.Contains(why, "is not signed"):
		return fmt.Errorf("%w; give the keyring of the archive", err)
	case strings.Contains(why, "does not have a Release file"):
		return fmt.Errorf("%w; check that the mirror has this suite", err)
	case tellingLines[5].MatchString(why):
		return fmt.Errorf("%w; check the network, and the mirror", err)
	}
	return err
}

// refresh makes a new generation of indexes below dir, or finds that the newest is still right.
func (c *Client) refresh(ctx context.Context, dir string, sources []source, snapshot bool) (*lists, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := c.lock(ctx, dir+".lock", "the indexes")
	if err != nil {
		return nil, err
	}
	defer unlock()
	generations, err := sweep(dir)
	if err != nil {
		return nil, err
	}
	newest := 0
	if len(generations) > 0 {
		newest = generations[len(generations)-1]
	}
	old, next := filepath.Join(dir, strconv.Itoa(newest)), filepath.Join(dir, strconv.Itoa(newest+1))
	if newest > 0 && snapshot {
		return open(c.Env, old)
	}
	if err := os.Mkdir(next, 0o755); err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done {
			os.RemoveAll(next)
		}
	}()
	env, err := c.workspace(ctx, next, sources, !snapshot)
	if err != nil {
		return nil, err
	}
	if newest > 0 { // what has not changed is not fetched again
		if err := linkAll(filepath.Join(old, "lists"), filepath.Join(next, "lists")); err != nil {
			return nil, err
		}
	}
	c.say("reading the packages of %s", sources[0].suite)
	if _, err := c.run(ctx, env, "apt-get", "-q", "update", "--error-on=any", "-opkgCacheFile::Generate=false"); err != nil {
		return nil, err
	}
	if newest > 0 && sameReleases(old, next) {
		return open(c.Env, old)
	}
	if err := seal(next); err != nil {
		return nil, err
	}
	done = true
	return open(c.Env, next)
}

// readyName in a generation's folder says that it is whole. Readers hold its lock.
const readyName = "ready"

// seal says that a generation is whole, once all of it is on disk.
func seal(dir string) error {
	list, err := os.ReadDir(filepath.Join(dir, "lists"))
	if err != nil {
		return err
	}
	for _, d := range list {
		if !d.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, "lists", d.Name()))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, readyName), nil, 0o644)
}

// open takes a generation into use. Called under the lock of its archive.
func open(env []string, dir string) (*lists, error) {
	l := &lists{dir: dir, env: inWorkspace(env, dir), held: flock.New(filepath.Join(dir, readyName))}
	if ok, err := l.held.TryRLock(); err != nil || !ok {
		return nil, fmt.Errorf("indexes: lock %s: %w", l.held.Path(), errors.Join(err, errors.New("held by somebody else")))
	}
	for _, name := range releases(dir) {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(raw)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Date: "); ok {
				if t, err := time.Parse(time.RFC1123, v); err == nil && t.After(l.date) {
					l.date = t.UTC()
				}
			}
		}
	}
	if l.date.IsZero() {
		return nil, fmt.Errorf("indexes: no Release file in %s has a date; remove the folder to have it made again", dir)
	}
	return l, nil
}

// sweep removes the generations that are unfinished or old and used by nobody. It returns those that are
// whole, in order.
func sweep(dir string) ([]int, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var whole []int
	for _, d := range list {
		n, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, d.Name(), readyName)); err == nil {
			whole = append(whole, n)
		} else if err := os.RemoveAll(filepath.Join(dir, d.Name())); err != nil {
			return nil, err
		}
	}
	slices.Sort(whole)
	for i := 0; i < len(whole)-1; i++ {
		old := filepath.Join(dir, strconv.Itoa(whole[i]))
		l := flock.New(filepath.Join(old, readyName))
		if ok, err := l.TryLock(); err != nil || !ok {
			continue // in use
		}
		err := os.RemoveAll(old)
		l.Close()
		if err != nil {
			return nil, err
		}
	}
	return whole, nil
}

// releases are the signed files of a generation, sorted.
func releases(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, "lists", "*Release")) // the pattern is well-formed: dir is a plain path
	return list
}

func sameReleases(a, b string) bool {
	return slices.EqualFunc(releases(a), releases(b), func(x, y string) bool {
		p, errX := os.ReadFile(x)
		q, errY := os.ReadFile(y)
		return errX == nil && errY == nil && filepath.Base(x) == filepath.Base(y) && string(p) == string(q)
	})
}

// linkAll links the files of one folder into another. apt replaces files, and never writes into them.
func linkAll(from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Type().IsRegular() && d.Name() != "lock" {
			if err := os.Link(filepath.Join(from, d.Name()), filepath.Join(to, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// lock waits until no other process, and no other call in this one, has the file locked.
func (c *Client) lock(ctx context.Context, name, what string) (unlock func(), err error) {
	l := flock.New(name)
	ok, err := l.TryLock()
	if err == nil && !ok {
		c.say("waiting for %s, which is being fetched already", what)
		if _, err = l.TryLockContext(ctx, 200*time.Millisecond); ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { l.Close() }, nil
}
