// Package workdir makes folders for temporary files of programs that go on when this process is killed, and
// removes those of which this process and the program both are dead.
package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// What folders' names begin with, below [os.TempDir], by the program that works there. [RemoveLeft] looks at
// these alone.
const (
	Mmdebstrap = "bisect-mmdebstrap-"
	Apt        = "bisect-apt-"
	Git        = "bisect-git-"
)

const (
	lockName = ".lock"
	// justMade is how old a folder is at the least that is taken for one of a dead process: the lock comes a
	// moment after the folder.
	justMade = time.Minute
)

// Dir is a folder that only this user can enter. A lock in it says for how long it is in use: the program
// inherits it, so that the kernel lets go of it when both are dead.
type Dir struct {
	Path string
	lock *os.File
}

// New makes a folder, whose name begins with one of the constants above. Whoever calls it calls Remove.
func New(prefix string) (d *Dir, err error) {
	path, err := os.MkdirTemp("", prefix+"*")
	if err != nil {
		return nil, err
	}
	d = &Dir{Path: path}
	if d.lock, err = os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		err = lockNow(d.lock)
	}
	if err != nil {
		return nil, errors.Join(err, d.Remove())
	}
	return d, nil
}

// Hand makes a program that has not been started yet one of those for which the folder stays.
func (d *Dir) Hand(cmd *exec.Cmd) { cmd.ExtraFiles = append(cmd.ExtraFiles, d.lock) }

// Remove removes the folder, whoever works in it.
func (d *Dir) Remove() error {
	err := os.RemoveAll(d.Path)
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

// lockNow takes the lock, or gives syscall.EWOULDBLOCK. A library's lock cannot be handed on to another
// program.
func lockNow(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return nil
}

// RemoveLeft removes what killed processes left. What is in use, another user's, or younger than a minute
// stays.
func RemoveLeft() error {
	var errs []error
	for _, prefix := range []string{Mmdebstrap, Apt, Git} {
		paths, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := removeLeft(path); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func removeLeft(path string) error {
	if info, err := os.Lstat(path); err != nil || !info.IsDir() || !ownedByUs(info) || time.Since(info.ModTime()) < justMade {
		return nil
	}
	lock, err := os.Open(filepath.Join(path, lockName))
	if err == nil {
		defer lock.Close()
		err = lockNow(lock)
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist): // without a lock it has not been begun
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("left when bisect was killed: %w; remove %s", err, path)
	}
	return nil
}

func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
