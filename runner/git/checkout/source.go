package checkout

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittext"
)

// FileTime is the modification time of every file and folder of every tar, whatever the commit: equal times
// keep make from rebuilding what is up to date, and none lies before 1980, which zip archives cannot hold.
func FileTime() time.Time { return time.Unix(946684800, 0).UTC() } // 2000-01-01

// SourceOptions say what a tar holds beside the commit's own files.
type SourceOptions struct {
	Git        bool         // a .git in which every command that reads works as in a clone of the commit; with Submodules in those too
	Submodules bool         // the files of submodules at their pinned commits, else empty folders
	Progress   func(string) // is shown what takes long; nil: nobody
}

// Source streams commits' files. Its methods may be called at the same time.
type Source struct {
	repo    *git.Repository
	options SourceOptions

	mu      sync.Mutex
	modules map[string]*git.Repository     // opened submodules, by git folder
	caveats caveats                        // of the tars written so far, and of the commits that Caveats was asked about
	cut     map[string]string              // by path, what git in builds will miss of a history, in words
	refs    map[*git.Repository]*shownRefs // read once, so that a run sees the same ones throughout
	shares  map[string]*share              // by key
}

// NewSource returns a view of the repository as trees to build. Closing the repository ends it.
func NewSource(r *git.Repository, options SourceOptions) *Source {
	s := &Source{
		repo: r, options: options, modules: map[string]*git.Repository{}, cut: map[string]string{}, refs: map[*git.Repository]*shownRefs{}, shares: map[string]*share{},
	}
	r.Objects.CloseWith(s.closeShares)
	return s
}

// Tree returns the id of what commit's trials see. Trees name the commits that their submodules are pinned
// at, so the tree's own id is enough, except that a .git tells commits apart.
func (s *Source) Tree(ctx context.Context, commit string) (string, error) {
	tree, err := s.repo.Tree(ctx, commit)
	if err == nil && s.options.Git {
		tree += "+" + commit
	}
	return tree, err
}

// WriteTar streams the files of a commit, given by its full id, as an uncompressed tar, each as a checkout
// writes it: folders before what is in them, names in git's order, owner 0:0, mode 0755 or 0644. The same
// commit gives the same bytes, but for how a .git's objects are packed, which it has all. Names that must not
// be unpacked and submodules that cannot be had are found before the first byte.
func (s *Source) WriteTar(ctx context.Context, commit string, w io.Writer) error {
	key, err := s.Shared(ctx, []string{commit})
	if err != nil {
		return err
	}
	return s.WriteTarWith(ctx, commit, key, "", w)
}

// WriteTarWith is WriteTar of a commit whose .git borrows from what was shared under key (see
// [Source.Shared]), which lies at the path at in the build's world; "": the .git has it all, for a build that
// no such place can be given.
func (s *Source) WriteTarWith(ctx context.Context, commit, key, at string, w io.Writer) error {
	files, roots, err := s.list(ctx, commit)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 256<<10)
	out := tar.NewWriter(buffered)
	for i := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := s.writeFile(out, &files[i])
		if hostile, ok := errors.AsType[*git.HostileTreeError](err); ok {
			hostile.Commit = commit
			return hostile
		}
		if err != nil {
			return fmt.Errorf("files of %s: %s: %w", gittext.Short(commit), files[i].path, err)
		}
	}
	if s.options.Git {
		if err := s.writeGitDirs(ctx, out, roots, files, s.share(key), at); err != nil {
			return fmt.Errorf(".git of %s: %w", gittext.Short(commit), err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// writeFile writes one entry, and notes its size for the index of a .git.
func (s *Source) writeFile(out *tar.Writer, f *file) error {
	switch f.mode {
	case filemode.Dir, filemode.Submodule:
		return writeDir(out, f.path)
	case filemode.Symlink:
		target, _, err := f.repo.Objects.Read(plumbing.BlobObject, f.id)
		if err != nil {
			return err
		}
		if len(target) == 0 || len(target) > 4095 || bytes.IndexByte(target, 0) >= 0 {
			return &git.HostileTreeError{Path: f.path, Why: fmt.Sprintf("a symbolic link to %.100q, %d bytes, cannot be made", target, len(target))}
		}
		f.size = int64(len(target))
		return out.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: f.path, Linkname: string(target), Mode: 0o777, ModTime: FileTime()})
	}
	blob, content, err := f.repo.Objects.Open(plumbing.BlobObject, f.id)
	if err != nil {
		return err
	}
	defer content.Close()
	f.size = blob.Size()
	mode := int64(0o644)
	if f.mode == filemode.Executable {
		mode = 0o755
	}
	if f.attrs.Changes() && f.size > 0 {
		return s.writeConverted(out, f, mode)
	}
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Size: f.size, Mode: mode, ModTime: FileTime()}); err != nil {
		return err
	}
	if f.size > largestPointer || f.attrs.Filtered() {
		_, err = io.Copy(out, content)
		return err
	}
	small, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(small, []byte("version https://git-lfs.github.com/spec/")) {
		s.note(f, caveatPointer)
	}
	_, err = out.Write(small)
	return err
}

// largestPointer is the size in bytes up to which git-lfs takes a file for one of its pointers.
const largestPointer = 1024

func writeDir(out *tar.Writer, path string) error {
	return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: path + "/", Mode: 0o755, ModTime: FileTime()})
}
