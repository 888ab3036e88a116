package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// rootsName is the folder of a cache that says which lock files are in use: one small file for each, with its
// path.
const rootsName = "roots"

// NoteLock tells the cache of a lock file that was written or is obeyed. As long as that file is where it is,
// [Prune] keeps what it needs.
func NoteLock(dir, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("note lock: %w", err)
	}
	root := rootOf(dir, file)
	if have, err := os.ReadFile(root); err == nil && string(have) == file {
		return nil
	}
	if err := Replace(root, file); err != nil {
		return fmt.Errorf("note lock %s in the cache: %w; until that is done, bisect images prune may remove what the lock needs", file, err)
	}
	return nil
}

// ForgetLock takes back what [NoteLock] noted.
func ForgetLock(dir, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("forget lock: %w", err)
	}
	if err := os.Remove(rootOf(dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget lock %s: %w", file, err)
	}
	return nil
}

// rootOf is where the cache notes a lock file.
func rootOf(dir, file string) string {
	name := sha256.Sum256([]byte(file))
	return filepath.Join(dir, rootsName, hex.EncodeToString(name[:16]))
}

// lockedDigest is how every version of a lock names a layer.
var lockedDigest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// roots returns the lock files in use, with the digests that stand in each: whatever is in there is kept,
// even if the rest is for another version of bisect, or broken. With an error it returns those that can be
// read.
func (c Dir) roots() (map[string]map[string]bool, error) {
	all := map[string]map[string]bool{}
	var unread []error
	err := c.eachRoot(func(root, file string) error {
		text, err := os.ReadFile(file)
		switch {
		case gone(err):
			return nil
		case err != nil:
			unread = append(unread, fmt.Errorf("lock in use: %w; make it readable, or forget it by removing %s", err, root))
			return nil
		}
		digests := map[string]bool{}
		for _, d := range lockedDigest.FindAllString(string(text), -1) {
			digests[d] = true
		}
		all[file] = digests
		return nil
	})
	return all, errors.Join(append(unread, err)...)
}

// forgetRoots removes the notes of lock files that are gone.
func (c Dir) forgetRoots() error {
	return c.eachRoot(func(root, file string) error {
		if _, err := os.Stat(file); gone(err) {
			return os.Remove(root)
		}
		return nil
	})
}

func (c Dir) eachRoot(do func(root, file string) error) error {
	names, err := c.names(rootsName)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	for _, name := range names {
		root := filepath.Join(c.Root, rootsName, name)
		file, err := os.ReadFile(root)
		switch {
		case gone(err), strings.HasPrefix(name, "."): // being written
			continue
		case err != nil:
			return fmt.Errorf("cache: %w", err)
		}
		if err := do(root, string(file)); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether err says that there is no such file.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
