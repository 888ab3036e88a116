package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// folder is a folder of bisect's own. A repository may bring one along, with anything in it, so that nothing
// there is believed: what is opened is a regular file, under no second name, in real folders. No link is
// followed, not even one that stays within; no pipe is waited for. [os.Root] keeps what is named within the
// folder even if somebody changes it meanwhile.
type folder struct{ root *os.Root }

// PlantedError says that something in a folder of bisect's own is not of the kind that bisect makes there.
type PlantedError struct{ Path, What string }

func (e *PlantedError) Error() string {
	return fmt.Sprintf("%s is %s, which bisect does not make there and does not follow: see who did, and remove it", e.Path, e.What)
}

// openFolder opens a folder that is no link itself.
func openFolder(dir string) (folder, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return folder{}, err
	}
	if !info.IsDir() {
		return folder{}, &PlantedError{dir, kind(info)}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return folder{}, err
	}
	if now, err := root.Stat("."); err != nil || !os.SameFile(info, now) {
		return folder{}, errors.Join(fmt.Errorf("%s: it was replaced while it was opened", dir), err, root.Close())
	}
	return folder{root}, nil
}

func (f folder) planted(name string, info fs.FileInfo) error {
	return &PlantedError{filepath.Join(f.root.Name(), name), kind(info)}
}

// kind says what something is that should be another.
func kind(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return "a file" // or one with another name
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// leads returns an error unless all that leads to name are real folders.
func (f folder) leads(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		info, err := f.root.Lstat(name[:i])
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return f.planted(name[:i], info)
		}
	}
	return nil
}

// open opens a regular file that is there. One that is written to must have no other name, under which it is
// somebody else's.
func (f folder) open(name string, flag int) (*os.File, error) {
	if err := f.leads(name); err != nil {
		return nil, err
	}
	info, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, f.planted(name, info)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink > 1 && flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		return nil, &PlantedError{filepath.Join(f.root.Name(), name), "a file with another name beside this one"}
	}
	file, err := f.root.OpenFile(name, flag|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(fmt.Errorf("%s: it was replaced while it was opened", file.Name()), err, file.Close())
	}
	return file, nil
}

// create makes a new file in the place of whatever has its name, unless that is a folder.
func (f folder) create(name string) (*os.File, error) {
	if err := f.leads(name); err != nil {
		return nil, err
	}
	if info, err := f.root.Lstat(name); err == nil {
		if info.IsDir() {
			return nil, f.planted(name, info)
		}
		if err := f.root.Remove(name); err != nil { // of a link, itself
			return nil, err
		}
	}
	return f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// mkdirAll makes a folder and those that lead to it. What is there must be real folders.
func (f folder) mkdirAll(name string) error {
	for at := ""; ; {
		first, rest, more := strings.Cut(name, "/")
		at, name = path.Join(at, first), rest
		err := f.root.Mkdir(at, 0o755)
		if errors.Is(err, fs.ErrExist) {
			var info fs.FileInfo
			if info, err = f.root.Lstat(at); err == nil && !info.IsDir() {
				err = f.planted(at, info)
			}
		}
		if err != nil || !more {
			return err
		}
	}
}

// removeAll removes what has that name, with all that is below it; links go, what they lead to stays.
func (f folder) removeAll(name string) error {
	if err := f.leads(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return f.root.RemoveAll(name)
}

// read reads a whole file of at most that many bytes.
func (f folder) read(name string, most int64) ([]byte, error) {
	file, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: more than the %d bytes that it may have", file.Name(), most)
	}
	return data, err
}

// sync makes sure that what was named in the folder is named there after a loss of power, where the file
// system can do that.
func (f folder) sync() error {
	d, err := f.root.Open(".")
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
