package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// DefaultCache returns the user's own cache folder for bisect: $XDG_CACHE_HOME/bisect, or what the system has
// for it.
func Default() (string, error) {
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bisect"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "bisect"), nil
}

// Dir is a cache: a folder that keeps what took long to make. An entry is a folder that appears whole, by a
// rename, or not at all, with the digest of each of its files beside them. Several processes may use one
// cache: the making of an entry is behind a lock of its own. When an entry was last used is the time of its
// record.
type Dir struct{ Root string }

// Entry is one folder of the cache. Its files do not change any more.
type Entry struct {
	dir   string
	Files []entryFile       `json:"files"` // sorted by name
	Notes map[string]string `json:"notes"` // what was got, where the key says only what was asked for
}

type entryFile struct {
	Name     string `json:"name"`
	SHA256   string `json:"sha256"`   // hex
	Size     int64  `json:"size"`     // bytes
	Modified int64  `json:"modified"` // nanoseconds since 1970, as the file system has it
}

// FillFunc makes the files of an entry in dir, and returns its notes.
type fillFunc func(ctx context.Context, dir string) (notes map[string]string, err error)

const recordName = "entry.json"

// Path returns the absolute path of one file of the entry.
func (e *Entry) Path(name string) string { return filepath.Join(e.dir, name) }

// File finds one file of the entry by its name.
func (e *Entry) File(name string) (entryFile, error) {
	for _, f := range e.Files {
		if f.Name == name {
			return f, nil
		}
	}
	return entryFile{}, fmt.Errorf("cache entry %s: no file %s; remove the folder to have it made again", e.dir, name)
}

// ReadJSON reads one of the entry's small files into v. What is not as it was when it was made has the entry
// made again by the next who asks for it.
func (e *Entry) ReadJSON(name string, v any) error {
	want, err := e.File(name)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(e.Path(name))
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); err != nil || got != want.SHA256 {
		return Rotten(e.Path(name), fmt.Sprintf("sha256 %s, want %s", got, want.SHA256))
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("cache file %s: %w", e.Path(name), err)
	}
	return nil
}

// Rotten takes away the record of the entry that a file is of, without which it counts as damaged.
func Rotten(file, why string) error {
	_ = os.Remove(filepath.Join(filepath.Dir(file), recordName))
	return &DamagedError{file, why}
}

// Intact reports whether the entry that a file is of has not been found damaged.
func Intact(file string) bool {
	_, err := os.Stat(filepath.Join(filepath.Dir(file), recordName))
	return err == nil
}

// Has reports whether there seems to be such an entry.
func (c Dir) Has(kind, key string) bool {
	_, err := os.Stat(filepath.Join(c.Root, kind, key, recordName))
	return err == nil
}

// Layer is the digest of a tool's layer, if there is such an entry; else "".
func (c Dir) Layer(kind, key string) string {
	e, err := OpenEntry(filepath.Join(c.Root, kind, key))
	if err != nil {
		return ""
	}
	f, err := e.File(ToolLayer)
	if err != nil {
		return ""
	}
	return "sha256:" + f.SHA256
}

// Get returns the entry under kind and key. If there is none, or it is damaged, fill makes it in the folder
// it is given; only what lies in that folder itself becomes part of the entry. say is told of waits and
// damages.
func (c Dir) Get(ctx context.Context, kind, key string, say func(string), fill fillFunc) (*Entry, error) {
	dir := filepath.Join(c.Root, kind, key)
	if e, err := OpenEntry(dir); err == nil {
		e.Touch()
		return e, nil
	}

	unlock, err := c.Lock(ctx, kind+"-"+key, say)
	if err != nil {
		return nil, err
	}
	defer unlock()
	e, err := OpenEntry(dir) // another process may have made it meanwhile
	switch {
	case err == nil:
		return e, nil
	case !errors.Is(err, fs.ErrNotExist):
		say(fmt.Sprintf("%v; making it again", err))
	}

	// Under the lock the name of the unfinished folder is ours: what a killed process left there is swept
	// here.
	part := dir + ".part"
	for _, d := range []string{dir, part} {
		if err := RemoveTree(d); err != nil {
			return nil, c.Failed(err)
		}
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return nil, c.Failed(err)
	}
	defer RemoveTree(part)
	notes, err := fill(ctx, part)
	if errors.Is(err, syscall.ENOSPC) {
		return nil, c.Failed(err)
	}
	if err != nil {
		return nil, err
	}
	if err := seal(part, notes); err != nil {
		return nil, c.Failed(err)
	}
	if err := os.Rename(part, dir); err != nil {
		return nil, c.Failed(err)
	}
	if err := syncPath(filepath.Dir(dir)); err != nil {
		return nil, c.Failed(err)
	}
	return OpenEntry(dir)
}

// Failed says of an error that it is the cache's, and of a full disk what can be done about it.
func (c Dir) Failed(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("cache %s: %w; make room on its disk (bisect images prune removes what no lock needs), or set XDG_CACHE_HOME", c.Root, err)
	}
	return fmt.Errorf("cache: %w", err)
}

// Touch notes that the entry is used now. A cache that cannot be written to serves all the same.
func (e *Entry) Touch() {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(e.dir, recordName), now, now)
}

// Lock waits until no other process, and no other call in this one, makes the entry of that name.
func (c Dir) Lock(ctx context.Context, name string, say func(string)) (unlock func(), err error) {
	dir := filepath.Join(c.Root, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	l := flock.New(filepath.Join(dir, name+".lock"))
	ok, err := l.TryLock()
	if err == nil && !ok {
		say("waiting for another process that is making it")
		if _, err = l.TryLockContext(ctx, 200*time.Millisecond); ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cache: lock %s: %w", l.Path(), err)
	}
	return func() { l.Close() }, nil
}

// OpenEntry reads an entry and checks its files: by size and time of change, and one whose time is another
// (the cache was copied, or somebody wrote to it) by its digest. What has rotted in place is noticed as it is
// read; see fileLayer. An entry that is not there is fs.ErrNotExist.
func OpenEntry(dir string) (*Entry, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	damaged := func(why any) error { return fmt.Errorf("cache entry %s is damaged: %v", dir, why) }
	b, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return nil, damaged(err)
	}
	e := &Entry{dir: dir}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, damaged(err)
	}
	for _, f := range e.Files {
		if info, err := os.Stat(e.Path(f.Name)); err == nil && info.Size() == f.Size && info.ModTime().UnixNano() == f.Modified {
			continue
		}
		sum, size, err := SumFile(e.Path(f.Name))
		if err != nil {
			return nil, damaged(err)
		}
		if sum != f.SHA256 || size != f.Size {
			return nil, damaged(fmt.Sprintf("%s has sha256 %s, want %s", f.Name, sum, f.SHA256))
		}
	}
	return e, nil
}

// seal writes the record of the files in dir, and has all of it on disk before it returns.
func seal(dir string, notes map[string]string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	e := Entry{Notes: notes}
	for _, d := range list {
		if d.Name() == UnpackedFiles && d.IsDir() {
			continue // checked by a list of its own; see inuse.go
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s: %s is no regular file", dir, d.Name())
		}
		p := filepath.Join(dir, d.Name())
		sum, size, err := SumFile(p)
		if err != nil {
			return err
		}
		if err := syncPath(p); err != nil {
			return err
		}
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		e.Files = append(e.Files, entryFile{d.Name(), sum, size, info.ModTime().UnixNano()})
	}
	sort.Slice(e.Files, func(i, j int) bool { return e.Files[i].Name < e.Files[j].Name })
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	record := filepath.Join(dir, recordName)
	if err := os.WriteFile(record, append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := syncPath(record); err != nil {
		return err
	}
	return syncPath(dir)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
