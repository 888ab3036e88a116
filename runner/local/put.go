package local

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"buildbisect/runner/backend"
)

// Put unpacks a tar below dir, which is the work folder or lies in it: a box on this machine has no other
// place. Owners are left out, set-user-id bits too. Where there is a folder and the tar has a file, or the
// reverse, the tar wins; links that lie there are replaced, never followed. What the tar's reader fails with
// comes back as it is.
func (b *box) Put(ctx context.Context, dir string, content io.Reader) error {
	what := fmt.Sprintf("copy files to %s of box %s", dir, b.name)
	below, err := b.below(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	root, err := openFolder(b.work())
	if err != nil {
		return infrastructuref("%s: %w", what, errors.Join(b.there(what), err))
	}
	defer root.Close()
	u := &unpacking{root: root, dirs: map[string]bool{".": true}}
	if err := u.folder(below); err != nil {
		return infrastructuref("%s: %w", what, err)
	}
	in := tar.NewReader(until(ctx, content))
	for {
		h, err := in.Next()
		switch {
		case err == io.EOF:
			return u.closeFolders()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("%s: read them: %w", what, err)
		}
		name := path.Clean(strings.TrimPrefix(h.Name, "/"))
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: %q leads out of it", what, h.Name)
		}
		source := backend.NewSourceReader(in)
		if err := u.member(h, source, path.Join(below, name)); err != nil {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case source.Failure() != nil:
				return fmt.Errorf("%s: read them: %w", what, source.Failure())
			}
			return infrastructuref("%s: %s: %w", what, h.Name, err)
		}
	}
}

// below is a path of the box relative to its work folder.
func (b *box) below(name string) (string, error) {
	if !path.IsAbs(name) {
		name = path.Join(b.workdir, name)
	}
	rel, err := filepath.Rel(b.workdir, path.Clean(name))
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("a box on this machine has its work folder (%s) and no other place", b.workdir)
	}
	return rel, nil
}

// unpacking is the state of one Put.
type unpacking struct {
	root   *os.Root
	dirs   map[string]bool // that are known to be folders
	closed []tar.Header    // folders whose modes and times are set last: one may forbid to write to it
}

func (u *unpacking) member(h *tar.Header, content io.Reader, name string) error {
	mode := fs.FileMode(h.Mode) & fs.ModePerm
	if h.Typeflag == tar.TypeDir {
		if err := u.folder(name); err != nil {
			return err
		}
		late := *h
		late.Name = name
		u.closed = append(u.closed, late)
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := u.clear(name); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return u.root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return u.root.Link(path.Clean(strings.TrimPrefix(h.Linkname, "/")), name)
	case tar.TypeReg:
		out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Chmod(mode), out.Close(), u.root.Chtimes(name, h.ModTime, h.ModTime))
	}
	return fmt.Errorf("a member of kind %q: want files, folders and links", h.Typeflag)
}

// folder makes a folder with those that lead to it. What is no folder gives way.
func (u *unpacking) folder(name string) error {
	if u.dirs[name] {
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	info, err := u.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = u.clear(name)
		info = nil
	}
	if err == nil && info != nil {
		u.dirs[name] = true
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := u.root.Mkdir(name, 0o755); err != nil {
		return err
	}
	u.dirs[name] = true
	return nil
}

// clear makes room for a member.
func (u *unpacking) clear(name string) error {
	err := u.root.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for dir := range u.dirs {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			delete(u.dirs, dir)
		}
	}
	return u.root.RemoveAll(name)
}

// closeFolders sets modes and times, of what is in a folder before its own.
func (u *unpacking) closeFolders() error {
	for i := len(u.closed) - 1; i >= 0; i-- {
		h := u.closed[i]
		err := u.root.Chtimes(h.Name, h.ModTime, h.ModTime)
		if err == nil {
			err = u.root.Chmod(h.Name, fs.FileMode(h.Mode)&fs.ModePerm)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a later member may have taken its place
			return infrastructuref("copy files: %s: %w", h.Name, err)
		}
	}
	return nil
}

// until reads from r, and no more once ctx has ended.
func until(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
