package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// session is the folder of one process's boxes. Whoever holds the lock in it lives.
type session struct {
	path string
	lock *flock.Flock
}

const lockName = "lock"

// word is the random one that all words of the session's boxes begin with.
func (s *session) word() string { return filepath.Base(s.path) }

// newSession makes a folder of its own below cache, once those of the dead are gone.
func newSession(cache string, warn func(string)) (*session, error) {
	top, err := filepath.Abs(filepath.Join(cache, "local"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(top, 0o700); err != nil {
		return nil, advised(err)
	}
	// Processes are told by the path of their folder, too, as the kernel names it.
	if top, err = filepath.EvalSymlinks(top); err != nil {
		return nil, err
	}
	if err := sweep(top, warn); err != nil {
		warn(err.Error())
	}
	for {
		s := &session{path: filepath.Join(top, strings.ToLower(rand.Text()[:16]))}
		if err := os.Mkdir(s.path, 0o700); err != nil {
			return nil, advised(err)
		}
		s.lock = flock.New(filepath.Join(s.path, lockName))
		switch ours, err := s.lock.TryLock(); {
		case ours:
			return s, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, advised(err)
		}
		// Another process has just swept it away, for want of a lock: once more.
	}
}

// remove ends the session, of which nothing runs any more.
func (s *session) remove() error {
	err := removeAll(s.path)
	return errors.Join(err, s.lock.Close())
}

// sweep removes the sessions of processes that are dead, with all that they left running.
func sweep(top string, warn func(string)) error {
	list, err := os.ReadDir(top)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range list {
		dir := filepath.Join(top, d.Name())
		// A build may have put a pipe in its place: not to be waited for.
		lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK))
		if dead, err := lock.TryLock(); err != nil || !dead {
			lock.Close()
			continue // it lives, is another user's, or is gone already
		}
		ended, err := endWithin(dir)
		if err == nil {
			err = removeAll(dir)
		}
		errs = append(errs, err, lock.Close())
		if err == nil {
			text := "removed the folder of builds on this machine whose bisect was killed: " + dir
			if ended > 0 {
				text += fmt.Sprintf("; %d of their processes still ran, and were ended", ended)
			}
			warn(text)
		}
	}
	return errors.Join(errs...)
}
