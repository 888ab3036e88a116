package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// workDir is a folder below the system's for temporary files in which a program works that goes on when this process is killed. A lock
// in it says for how long it is in use: the program inherits it, so that the kernel lets go of it when both are dead.
type workDir struct {
	path string
	lock *os.File
}

const (
	workDirs    = "bisect-mmdebstrap-*" // below os.TempDir
	workDirLock = ".lock"
	// justMade is how old a folder is at the least that is taken for one of a dead process: the lock comes a moment after the folder.
	justMade = time.Minute
)

func newWorkDir() (w *workDir, err error) {
	path, err := os.MkdirTemp("", workDirs)
	if err != nil {
		return nil, err
	}
	w = &workDir{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.remove())
		}
	}()
	if err := os.Chmod(path, 0o755); err != nil { // apt's own user works in there, too
		return w, err
	}
	if w.lock, err = os.OpenFile(filepath.Join(path, workDirLock), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return w, err
	}
	return w, flockNow(w.lock)
}

func (w *workDir) remove() error {
	err := os.RemoveAll(w.path)
	if w.lock != nil {
		err = errors.Join(err, w.lock.Close())
	}
	return err
}

// flockNow takes the lock, or gives syscall.EWOULDBLOCK. A library's lock cannot be handed on to another program.
func flockNow(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return nil
}

// RemoveLeft removes from the system's folder for temporary files what the making of a base left there when it was killed. What is in
// use, another user's, or younger than a minute stays.
func RemoveLeft() error {
	paths, err := filepath.Glob(filepath.Join(os.TempDir(), workDirs))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		if info, err := os.Lstat(path); err != nil || !info.IsDir() || !ownedByUs(info) || time.Since(info.ModTime()) < justMade {
			continue
		}
		lock, err := os.Open(filepath.Join(path, workDirLock))
		if err == nil {
			err = flockNow(lock)
		}
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist): // without a lock it has not been begun
			if left := os.RemoveAll(path); left != nil {
				errs = append(errs, fmt.Errorf("left by a base that was being made when bisect was killed: %w; remove %s", left, path))
			}
		case !errors.Is(err, syscall.EWOULDBLOCK):
			errs = append(errs, err)
		}
		lock.Close() // nil is none
	}
	return errors.Join(errs...)
}

func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
