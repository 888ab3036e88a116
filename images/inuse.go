package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"buildbisect/images/cache"
)

// Unpacked is a tool in a folder of the cache that builds on this machine run it from. While a process has
// it, no other removes it, whatever a build has done to it: a lock of use says so, shared, until the process
// ends.
type Unpacked struct {
	what string // tool and version
	dir  string // of the cache entry
	use  *flock.Flock
	list []unpackedFile
}

// files is the folder of the tool.
func (u *Unpacked) files() string { return filepath.Join(u.dir, cache.UnpackedFiles) }

// use has the lock of use of an unpacked tool, shared. Nobody has it for himself but under the lock of all
// that are named so.
func use(c cache.Dir, name string) (*flock.Flock, error) {
	l := flock.New(filepath.Join(c.Root, "locks", cache.Unpacked+"-"+name+".use.lock"))
	got, err := l.TryRLock()
	if err == nil && !got {
		err = fmt.Errorf("%s: somebody has it for himself", l.Path())
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// alone takes the lock of use from everybody else, unless anybody has it.
func (u *Unpacked) alone() (bool, error) {
	return u.relock((*flock.Flock).TryLock)
}

// share is after alone: others may use it too.
func (u *Unpacked) share() error {
	if got, err := u.relock((*flock.Flock).TryRLock); err != nil || !got {
		return fmt.Errorf("cache: %s: lock it: %w", u.use.Path(), errors.Join(err, fs.ErrExist))
	}
	return nil
}

func (u *Unpacked) relock(try func(*flock.Flock) (bool, error)) (bool, error) {
	if err := u.use.Close(); err != nil {
		return false, err
	}
	u.use = flock.New(u.use.Path())
	return try(u.use)
}

// letGo ends the use. The zero value and one that was let go have none.
func (u *Unpacked) letGo() error { return u.use.Close() }

// open reads what was unpacked and says what is wrong with it. Where nothing is there it is fs.ErrNotExist.
func (u *Unpacked) open() error {
	if _, err := os.Lstat(u.dir); err != nil {
		return err
	}
	e, err := cache.OpenEntry(u.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = &cache.DamagedError{Path: u.dir, Why: err.Error()}
	}
	if err != nil {
		return err
	}
	var list []unpackedFile
	if err := e.ReadJSON(unpackedList, &list); err != nil {
		return err
	}
	have, err := listUnpacked(u.files(), true)
	if err == nil {
		u.list = have
		err = u.differs(list, withoutTouched(have))
	}
	if err != nil {
		return errors.New(err.Error()) // a folder that is gone is no entry that is
	}
	e.Touch()
	return nil
}

func withoutTouched(list []unpackedFile) []unpackedFile {
	list = slices.Clone(list)
	for i := range list {
		list[i].touched = 0
	}
	return list
}

// Changed says what was done to the tool's files since this process looked at their contents; nil is nothing.
// It asks for no more than names, modes, sizes and times, those among them that nobody can set back: some
// five microseconds a file. Root can, by turning back the clock; the next process that uses the tool reads it
// all again.
func (u *Unpacked) Changed() error {
	have, err := listUnpacked(u.files(), false)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", u.what, u.files(), err)
	}
	want := slices.Clone(u.list)
	for i := range want {
		want[i].SHA256 = ""
	}
	return u.differs(want, have)
}

func (u *Unpacked) differs(want, have []unpackedFile) error {
	if all := differences(want, have); len(all) > 0 {
		const most = 3
		text := strings.Join(all[:min(most, len(all))], ", ")
		if len(all) > most {
			text += fmt.Sprintf(" and %d more", len(all)-most)
		}
		return fmt.Errorf("%s in %s is not as it was unpacked: %s", u.what, u.files(), text)
	}
	return nil
}

// listUnpacked lists what is below a folder, and the folder itself, in the order of their names; on demand
// with what is in the files.
func listUnpacked(dir string, content bool) (list []unpackedFile, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := unpackedFile{Mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			f.Size, f.Modified, f.touched = info.Size(), info.ModTime().UnixNano(), touched(info)
			if content { // after its time: a change meanwhile is one that Changed sees
				if f.SHA256, err = sumUnpacked(name); err != nil {
					return err
				}
			}
		case info.Mode()&fs.ModeSymlink != 0:
			if f.Link, err = os.Readlink(name); err != nil {
				return err
			}
		}
		name, err = filepath.Rel(dir, name)
		f.Name = filepath.ToSlash(name)
		list = append(list, f)
		return err
	})
	return list, err
}

// sumUnpacked reads a file; a pipe that a build has put in its place is not waited for.
func sumUnpacked(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("%s is no file", name), err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func touched(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}

// differences says of each file what became of it.
func differences(want, have []unpackedFile) (all []string) {
	if slices.Equal(want, have) {
		return nil
	}
	had, has := byName(want), byName(have)
	for _, w := range want {
		switch h, ok := has[w.Name]; {
		case !ok:
			all = append(all, w.Name+" was removed")
		case h.Mode.Type() != w.Mode.Type(), h.Size != w.Size, h.Modified != w.Modified, h.Link != w.Link, h.SHA256 != w.SHA256, h.touched != w.touched && h.Mode == w.Mode:
			all = append(all, w.Name+" was written to or replaced")
		case h != w:
			all = append(all, fmt.Sprintf("%s has mode %v, not %v", w.Name, h.Mode, w.Mode))
		}
	}
	for _, h := range have {
		if _, ok := had[h.Name]; !ok {
			all = append(all, h.Name+" was added")
		}
	}
	return all
}

func byName(list []unpackedFile) map[string]unpackedFile {
	m := make(map[string]unpackedFile, len(list))
	for _, f := range list {
		m[f.Name] = f
	}
	return m
}
