package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// A build, or what it left running, may put a pipe, a device or a link in the place of anything that is its
// own, at any moment. So what is opened there is opened without waiting, and looked at afterwards.

// openFolder opens a folder that a build can replace. What is no folder, or a link to one, is an error.
func openFolder(dir string) (*os.Root, error) {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer syscall.Close(fd)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd)) // the very folder
}

// reopen opens what was seen under a name; nil without an error: it is gone, or another by now.
func reopen(root *os.Root, name string, seen fs.FileInfo, flag int) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|flag, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ELOOP):
		return nil, nil // ENXIO: a socket
	case err != nil:
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(seen, now) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// writeAnew makes a file in the place of whatever a build has put there.
func writeAnew(name string, content []byte) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
