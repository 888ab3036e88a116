package local

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// removeAll removes a folder in which a build may have closed folders against writing, as Go's module cache
// does, or put thousands into each other, more than paths may be long or files open at a time.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	if info, statErr := os.Lstat(dir); statErr != nil || !info.IsDir() {
		return err
	}
	return flatten(dir)
}

// flatten empties a folder and removes it: what lies in its folders comes up to lie in itself, level by
// level, so that no path grows.
func flatten(dir string) error {
	var errs []error
	_ = os.Chmod(dir, 0o700) // what is another's, the removal will name
	for {
		list, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return os.Remove(dir)
		}
		for _, d := range list {
			if err := raise(dir, d); err != nil {
				errs = append(errs, err)
			}
		}
		if err := errors.Join(errs[:min(len(errs), 3)]...); err != nil {
			return err
		}
	}
}

// raise removes what lies in dir, and if it is a folder first makes those in it dir's own.
func raise(dir string, d fs.DirEntry) error {
	name := filepath.Join(dir, d.Name())
	if !d.IsDir() {
		return os.Remove(name)
	}
	_ = os.Chmod(name, 0o700)
	list, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	for _, below := range list {
		at := filepath.Join(name, below.Name())
		if !below.IsDir() {
			if err := os.Remove(at); err != nil {
				return err
			}
			continue
		}
		_ = os.Chmod(at, 0o700) // to move a folder is to write to it
		if err := os.Rename(at, filepath.Join(dir, rand.Text())); err != nil {
			return err
		}
	}
	return os.Remove(name)
}
