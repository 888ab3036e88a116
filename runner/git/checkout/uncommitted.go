package checkout

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"buildbisect/runner/git"
	"buildbisect/runner/git/attributes"
)

// Uncommitted returns the tracked files whose state is in no commit, ordered: those that differ from the
// index in the work tree, and those that differ from HEAD in the index. Files that git does not track, and
// submodules, are not looked at.
//
// It compares what the index knows of each file with what the file system says, and reads only files whose
// time has changed. `git status` would do as much, but the repository's own config can have it run programs:
// a file system monitor, and any filter that an attribute names. go-git's Status reads every file, and knows
// no attributes.
func Uncommitted(ctx context.Context, r *git.Repository) ([]string, error) {
	if r.WorkTree == "" {
		return nil, nil
	}
	u := &uncommitted{repo: r, changed: map[string]bool{}, budget: readAtMost}
	if err := u.find(ctx); err != nil {
		return nil, fmt.Errorf("uncommitted changes in %s: %w", r.WorkTree, err)
	}
	var paths []string
	for path := range u.changed {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, nil
}

// readAtMost is how many bytes of files are read to see whether they differ. Those that are left then count
// as unchanged.
const readAtMost = 256 << 20

type uncommitted struct {
	repo     *git.Repository
	work     *os.Root // follows no link out of the work tree
	folder   *os.Root // of the file that was looked at last; nil: it cannot be opened
	dir      string   // its path from the top, "" or ending in a slash
	changed  map[string]bool
	modes    bool // whether the file system keeps the executable bit
	written  fs.FileInfo
	head     string          // id of HEAD's commit
	listed   map[string]file // of HEAD, once they are needed
	budget   int64
	noListed bool // they cannot be read
}

func (u *uncommitted) find(ctx context.Context) error {
	stage, err := u.readIndex()
	if stage == nil || err != nil {
		return err
	}
	if u.work, err = os.OpenRoot(u.repo.WorkTree); err != nil {
		return err
	}
	defer u.work.Close()
	u.folder = u.work
	defer func() { u.enter("") }()
	u.modes = !u.repo.NoModes
	head, err := u.repo.Resolve("HEAD")
	if err != nil {
		return nil // nothing is committed yet
	}
	u.head = head.ID
	for i, entry := range stage.Entries {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if entry.Mode == filemode.Submodule || entry.SkipWorktree {
			continue
		}
		if entry.Stage != 0 || entry.IntentToAdd || u.differs(ctx, entry) {
			u.changed[entry.Name] = true
		}
	}
	return u.staged(ctx, stage)
}

// readIndex reads the index; nil: there is none.
func (u *uncommitted) readIndex() (*index.Index, error) {
	name := filepath.Join(u.repo.GitDir, "index")
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	if u.written, err = file.Stat(); err != nil || !u.written.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	stage := &index.Index{}
	if err := index.NewDecoder(bufio.NewReaderSize(file, 1<<20)).Decode(stage); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w; `git status` shows them", name, err)
	}
	return stage, nil
}

// differs reports whether a file is not as the index has it.
func (u *uncommitted) differs(ctx context.Context, entry *index.Entry) bool {
	dir, name := path.Split(entry.Name)
	if dir != u.dir {
		u.enter(dir)
	}
	if u.folder == nil {
		return true // no folder: it is gone, or something else took its place
	}
	info, err := u.folder.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true
	case err != nil:
		return false // what cannot be looked at is not known to differ
	case (entry.Mode == filemode.Symlink) != (info.Mode()&fs.ModeSymlink != 0), entry.Mode != filemode.Symlink && !info.Mode().IsRegular():
		return true
	case u.modes && entry.Mode != filemode.Symlink && (entry.Mode == filemode.Executable) != (info.Mode()&0o100 != 0):
		return true
	}
	// A file as old as the index may have changed after the index was written, in the same moment.
	racy := !info.ModTime().Before(u.written.ModTime())
	if !racy && uint32(info.Size()) == entry.Size && sameTime(info, entry) {
		return false
	}
	return u.contentDiffers(ctx, entry, info)
}

// enter opens a folder. To look at each file from the top would open all folders on the way, each time.
func (u *uncommitted) enter(dir string) {
	if u.folder != nil && u.folder != u.work {
		u.folder.Close()
	}
	u.dir, u.folder = dir, u.work
	if dir == "" {
		return
	}
	folder, err := u.work.OpenRoot(strings.TrimSuffix(dir, "/"))
	if err != nil {
		folder = nil
	}
	u.folder = folder
}

// sameTime compares times as precisely as the index has them.
func sameTime(info fs.FileInfo, entry *index.Entry) bool {
	if entry.ModifiedAt.Nanosecond() == 0 {
		return info.ModTime().Unix() == entry.ModifiedAt.Unix()
	}
	return info.ModTime().Equal(entry.ModifiedAt)
}

// contentDiffers reads a file whose time or size has changed. It is as committed if it is what git stores, or
// what a checkout writes of that.
func (u *uncommitted) contentDiffers(ctx context.Context, entry *index.Entry, info fs.FileInfo) bool {
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := u.work.Readlink(entry.Name)
		return err == nil && plumbing.ComputeHash(plumbing.BlobObject, []byte(target)) != entry.Hash
	}
	if u.budget -= info.Size(); u.budget < 0 {
		return false
	}
	file, err := u.work.OpenFile(entry.Name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO put there meanwhile blocks nobody
	if err != nil {
		return false
	}
	defer file.Close()
	raw := plumbing.NewHasher(plumbing.BlobObject, info.Size())
	if _, err := io.CopyN(raw, file, info.Size()); err != nil {
		return !errors.Is(err, io.EOF)
	}
	if raw.Sum() == entry.Hash {
		return false
	}
	of, ok := u.files(ctx)[entry.Name]
	if !ok || !of.attrs.Changes() && !of.attrs.Filtered() {
		return true
	}
	if of.attrs.Filtered() {
		return false // only the filter could tell
	}
	same, err := u.checksOutAs(entry, *of.attrs)
	return err == nil && !same
}

// checksOutAs reports whether a checkout of an entry writes what is in the work tree. Ends of lines and $Id$
// that a commit would take back make no difference.
func (u *uncommitted) checksOutAs(entry *index.Entry, attrs attributes.Conversion) (bool, error) {
	stored, _, err := u.repo.Objects.Read(plumbing.BlobObject, entry.Hash)
	if err != nil {
		return false, err
	}
	want, err := renderedSum(attrs, entry.Hash, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(stored)), nil })
	if err != nil {
		return false, err
	}
	if attrs.Encoding != "" {
		attrs = attributes.Conversion{}
	}
	found, err := renderedSum(attrs, entry.Hash, func() (io.ReadCloser, error) { return u.work.OpenFile(entry.Name, os.O_RDONLY|syscall.O_NONBLOCK, 0) })
	return found == want, err
}

func renderedSum(attrs attributes.Conversion, blob plumbing.Hash, stored attributes.Content) (sum [sha256.Size]byte, err error) {
	r, err := attrs.Render(blob.String(), stored)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	err = r.Write(h)
	h.Sum(sum[:0])
	return sum, err
}

// files are those of HEAD, by their paths; none if they cannot be read.
func (u *uncommitted) files(ctx context.Context) map[string]file {
	if u.listed == nil && !u.noListed {
		files, _, err := NewSource(u.repo, SourceOptions{}).list(ctx, u.head)
		u.noListed = err != nil
		u.listed = make(map[string]file, len(files))
		for _, f := range files {
			u.listed[f.path] = f
		}
	}
	return u.listed
}

// staged notes where the index differs from HEAD. It often knows the tree that it was read from.
func (u *uncommitted) staged(ctx context.Context, stage *index.Index) error {
	tree, err := u.repo.Tree(ctx, u.head)
	if err != nil {
		return err
	}
	if stage.Cache != nil && len(stage.Cache.Entries) > 0 {
		if top := stage.Cache.Entries[0]; top.Path == "" && top.Entries >= 0 && top.Hash.String() == tree {
			return nil
		}
	}
	files := u.files(ctx)
	if u.noListed {
		return context.Cause(ctx)
	}
	kept := map[string]bool{}
	for _, entry := range stage.Entries {
		kept[entry.Name] = true
		if of, ok := files[entry.Name]; !ok || of.id != entry.Hash || of.mode != entry.Mode {
			u.changed[entry.Name] = true
		}
	}
	for path, f := range files {
		if !kept[path] && f.mode != filemode.Dir {
			u.changed[path] = true
		}
	}
	return nil
}
