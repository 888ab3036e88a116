package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
func DefaultCache() (string, error) {
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bisect"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "bisect"), nil
}

// cache keeps what took long to make. An entry is a folder that appears whole, by a rename, or not at all,
// with the digest of each of its files beside them. Several processes may use one cache: the making of an
// entry is behind a lock of its own. When an entry was last used is the time of its record.
type cache struct{ root string }

// entry is one folder of the cache. Its files do not change any more.
type entry struct {
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

// fillFunc makes the files of an entry in dir, and returns its notes.
type fillFunc func(ctx context.Context, dir string) (notes map[string]string, err error)

const recordName = "entry.json"

// path returns the absolute path of one file of the entry.
func (e *entry) path(name string) string { return filepath.Join(e.dir, name) }

// file finds one file of the entry by its name.
func (e *entry) file(name string) (entryFile, error) {
	for _, f := range e.Files {
		if f.Name == name {
			return f, nil
		}
	}
	return entryFile{}, fmt.Errorf("cache entry %s: no file %s; remove the folder to have it made again", e.dir, name)
}

// readJSON reads one of the entry's small files into v. What is not as it was when it was made has the entry
// made again by the next who asks for it.
func (e *entry) readJSON(name string, v any) error {
	want, err := e.file(name)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(e.path(name))
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); err != nil || got != want.SHA256 {
		return e.rotten(name, fmt.Sprintf("sha256 %s, want %s", got, want.SHA256))
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("cache file %s: %w", e.path(name), err)
	}
	return nil
}

// rotten takes the entry's record away, without which it counts as damaged.
func (e *entry) rotten(name, why string) error {
	_ = os.Remove(filepath.Join(e.dir, recordName))
	return &DamagedError{e.path(name), why}
}

// has reports whether there seems to be such an entry.
func (c cache) has(kind, key string) bool {
	_, err := os.Stat(filepath.Join(c.root, kind, key, recordName))
	return err == nil
}

// layer is the digest of a tool's layer, if there is such an entry; else "".
func (c cache) layer(kind, key string) string {
	e, err := openEntry(filepath.Join(c.root, kind, key))
	if err != nil {
		return ""
	}
	f, err := e.file(toolLayerFile)
	if err != nil {
		return ""
	}
	return "sha256:" + f.SHA256
}

// get returns the entry under kind and key. If there is none, or it is damaged, fill makes it in the folder
// it is given; only what lies in that folder itself becomes part of the entry. say is told of waits and
// damages.
func (c cache) get(ctx context.Context, kind, key string, say func(string), fill fillFunc) (*entry, error) {
	dir := filepath.Join(c.root, kind, key)
	if e, err := openEntry(dir); err == nil {
		e.touch()
		return e, nil
	}

	unlock, err := c.lock(ctx, kind+"-"+key, say)
	if err != nil {
		return nil, err
	}
	defer unlock()
	e, err := openEntry(dir) // another process may have made it meanwhile
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
		if err := removeTree(d); err != nil {
			return nil, c.failed(err)
		}
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return nil, c.failed(err)
	}
	defer removeTree(part)
	notes, err := fill(ctx, part)
	if errors.Is(err, syscall.ENOSPC) {
		return nil, c.failed(err)
	}
	if err != nil {
		return nil, err
	}
	if err := seal(part, notes); err != nil {
		return nil, c.failed(err)
	}
	if err := os.Rename(part, dir); err != nil {
		return nil, c.failed(err)
	}
	if err := syncPath(filepath.Dir(dir)); err != nil {
		return nil, c.failed(err)
	}
	return openEntry(dir)
}

// failed says of an error that it is the cache's, and of a full disk what can be done about it.
func (c cache) failed(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("cache %s: %w; make room on its disk (bisect images prune removes what no lock needs), or set XDG_CACHE_HOME", c.root, err)
	}
	return fmt.Errorf("cache: %w", err)
}

// touch notes that the entry is used now. A cache that cannot be written to serves all the same.
func (e *entry) touch() {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(e.dir, recordName), now, now)
}

// lock waits until no other process, and no other call in this one, makes the entry of that name.
func (c cache) lock(ctx context.Context, name string, say func(string)) (unlock func(), err error) {
	dir := filepath.Join(c.root, "locks")
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

// openEntry reads an entry and checks its files: by size and time of change, and one whose time is another
// (the cache was copied, or somebody wrote to it) by its digest. What has rotted in place is noticed as it is
// read; see fileLayer. An entry that is not there is fs.ErrNotExist.
func openEntry(dir string) (*entry, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	damaged := func(why any) error { return fmt.Errorf("cache entry %s is damaged: %v", dir, why) }
	b, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return nil, damaged(err)
	}
	e := &entry{dir: dir}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, damaged(err)
	}
	for _, f := range e.Files {
		if info, err := os.Stat(e.path(f.Name)); err == nil && info.Size() == f.Size && info.ModTime().UnixNano() == f.Modified {
			continue
		}
		sum, size, err := sumFile(e.path(f.Name))
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
	e := entry{Notes: notes}
	for _, d := range list {
		if d.Name() == unpackedFiles && d.IsDir() {
			continue // checked by a list of its own; see inuse.go
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s: %s is no regular file", dir, d.Name())
		}
		p := filepath.Join(dir, d.Name())
		sum, size, err := sumFile(p)
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

// sumFile returns the sha256 of a file in hex, and its size in bytes.
func sumFile(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// sum is the sha256, in hex, of v as JSON: of everything in v that has an exported name.
func sum(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), nil
}
