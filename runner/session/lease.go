package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// A Lease is a file that is locked for as long as a session lives: the kernel lets go of it when the process
// dies, whatever it died of. It lies in the cache, so that a later session finds what died since.
type Lease struct {
	Owner Owner
	lock  *flock.Flock // nil: the cache cannot be written to, and the process alone tells that the session lives
}

// leaseText is what stands in a lease, as JSON lines of which each adds to those before.
type leaseText struct {
	Owner
	Engine string     `json:"engine,omitempty"` // id of the engine that the session uses
	Begun  *time.Time `json:"begun,omitempty"`
	State  string     `json:"state,omitempty"` // folder of the run; of a probe: none
	Found  *time.Time `json:"found-dead,omitempty"`
}

// leasesDir is where the leases lie in a cache.
func leasesDir(cache string) string { return filepath.Join(cache, "leases") }

// TakeLease makes the lease of a session of run, which uses the engine of that id. A lease appears whole and
// locked, or not at all: one that is there and free is of somebody dead.
func TakeLease(cache, run, engine string, now time.Time) (*Lease, error) {
	l := &Lease{Owner: Here()}
	l.Owner.Run = run
	l.Owner.Session = run + "." + strings.ToLower(rand.Text()[:8])
	path := filepath.Join(leasesDir(cache), l.Owner.Session)
	hidden := filepath.Join(leasesDir(cache), "."+l.Owner.Session)
	lock := flock.New(hidden, flock.SetPermissions(0o644)) // readable: other users of the engine want to know too
	err := os.MkdirAll(leasesDir(cache), 0o755)
	if err == nil {
		_, err = lock.TryLock()
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return l, nil
	}
	if err == nil {
		l.lock, l.Owner.Lease = lock, path
		err = addTo(hidden, leaseText{Owner: l.Owner, Engine: engine, Begun: &now})
	}
	if err == nil {
		err = os.Rename(hidden, path)
	}
	if err != nil {
		return nil, fmt.Errorf("lease: %w; make room, or name another cache with XDG_CACHE_HOME", errors.Join(err, lock.Close()))
	}
	return l, nil
}

// NoteState adds the folder of the run, which is made later than the lease. That it cannot be noted harms
// nothing.
func (l *Lease) NoteState(dir string) {
	if l == nil || l.lock == nil {
		return
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		_ = addTo(l.Owner.Lease, leaseText{State: absolute})
	}
}

func addTo(path string, text leaseText) error {
	line, err := json.Marshal(text)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// End ends the lease. It stays, free, where something was left for the next session to find.
func (l *Lease) End(nothingLeft bool) error {
	if l == nil || l.lock == nil {
		return nil
	}
	var err error
	if nothingLeft {
		if err = os.Remove(l.Owner.Lease); errors.Is(err, fs.ErrNotExist) {
			err = nil // with the cache
		}
	}
	return errors.Join(err, l.lock.Close())
}

// leaseState is how a lease is found.
type leaseState int

const (
	leaseUnknown leaseState = iota // no lease is named, or we may not look at it
	leaseMissing
	leaseFree
	leaseHeld
)

// leaseStateOf tries the lock, shared, so that two who look do not take each other for the holder.
func leaseStateOf(path string) leaseState {
	if path == "" {
		return leaseUnknown
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return leaseUnknown // a label may say anything, and to open a pipe would be to wait
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	got, err := lock.TryRLock()
	defer lock.Close()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return leaseMissing
	case err != nil:
		return leaseUnknown
	case got:
		return leaseFree
	}
	return leaseHeld
}

// readLease reads what stands in a lease; what was written before a torn end counts.
func readLease(path string) (text leaseText, err error) {
	f, err := os.Open(path)
	if err != nil {
		return text, err
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		if err := d.Decode(&text); err != nil {
			if errors.Is(err, io.EOF) || text.Session != "" {
				return text, nil
			}
			return text, err
		}
	}
}

// leasesIn lists the leases in a cache by session.
func leasesIn(cache string) (map[string]leaseText, error) {
	entries, err := os.ReadDir(leasesDir(cache))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("leases: %w", err)
	}
	all := map[string]leaseText{}
	for _, e := range entries {
		path := filepath.Join(leasesDir(cache), e.Name())
		if strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular() {
			continue
		}
		text, err := readLease(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // ended since
		}
		if err != nil || text.Session != e.Name() {
			continue // no lease of ours
		}
		text.Lease = path // wherever the cache is seen from here
		all[text.Session] = text
	}
	return all, nil
}

// LockSweeps lets one sweep at a time have the leases of a cache, so that a run which is resumed, and has its
// old mark, starts only when nobody removes what carries that mark any more.
func LockSweeps(ctx context.Context, cache string) (release func(), err error) {
	lock := flock.New(filepath.Join(leasesDir(cache), ".sweep"), flock.SetPermissions(0o644))
	err = os.MkdirAll(leasesDir(cache), 0o755)
	if err == nil {
		_, err = lock.TryLockContext(ctx, 50*time.Millisecond)
	}
	switch {
	case err == nil:
		return func() { lock.Close() }, nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return func() {}, nil
	case ctx.Err() != nil:
		return nil, errors.New("another process is at it, and does not come to an end")
	}
	return nil, fmt.Errorf("leases: %w", err)
}
