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
	"slices"
	"syscall"

	"buildbisect/runner/backend"
)

// Get streams what lies at path as a tar. Links are given as links, whatever they lead to; sockets are left
// out.
func (b *box) Get(ctx context.Context, name string, w io.Writer) error {
	what := fmt.Sprintf("read %s of box %s", name, b.name)
	below, err := b.below(name)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return infrastructuref("%s: the box is closed", what)
	}
	root, err := openFolder(b.work())
	if errors.Is(err, fs.ErrNotExist) && b.there(what) == nil {
		return fmt.Errorf("%s: the build has removed its work folder: %w", what, err)
	}
	if err != nil {
		return infrastructuref("%s: %w", what, err)
	}
	defer root.Close()
	top, err := root.Lstat(below)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p := &packing{root: root, tar: tar.NewWriter(w), from: below, as: path.Base(path.Join(b.workdir, below))}
	err = p.walk(ctx, below, top)
	if err == nil {
		err = p.tar.Close()
	}
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case p.own:
		return infrastructuref("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// packing is the state of one Get.
type packing struct {
	root     *os.Root
	tar      *tar.Writer
	from, as string
	own      bool // the error is of reading, not of the writer
}

// walk packs what has that name, and what is below it. What is gone meanwhile is left out, and what is
// another thing than it was: a process of the build may still run, and opening a pipe is to wait for whoever
// writes to it.
func (p *packing) walk(ctx context.Context, name string, info fs.FileInfo) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := p.member(name, info); err != nil || !info.IsDir() {
		return err
	}
	dir, err := reopen(p.root, name, info, syscall.O_DIRECTORY)
	if dir == nil {
		p.own = err != nil
		return err
	}
	list, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		p.own = true
		return err
	}
	slices.Sort(list)
	for _, below := range list {
		below = path.Join(name, below)
		info, err := p.root.Lstat(below)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			p.own = true
			return err
		}
		if err := p.walk(ctx, below, info); err != nil {
			return err
		}
	}
	return nil
}

func (p *packing) member(name string, info fs.FileInfo) (err error) {
	if info.Mode()&fs.ModeSocket != 0 {
		return nil
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = p.root.Readlink(name); err != nil {
			p.own = true
			return err
		}
	}
	h, err := tar.FileInfoHeader(plain{info}, link)
	if err != nil {
		p.own = true
		return err
	}
	h.Name = p.as
	if name != p.from {
		h.Name = path.Join(p.as, relative(p.from, name))
	}
	if info.IsDir() {
		h.Name += "/"
	}
	if !info.Mode().IsRegular() {
		return p.tar.WriteHeader(h)
	}
	in, err := reopen(p.root, name, info, 0)
	if in == nil {
		p.own = err != nil
		return err
	}
	defer in.Close()
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	source := backend.NewSourceReader(in)
	_, err = io.CopyN(p.tar, source, h.Size)
	if err == io.EOF || source.Failure() != nil {
		p.own = true
		err = fmt.Errorf("%s: %w", name, errors.Join(source.Failure(), io.ErrUnexpectedEOF))
	}
	return err
}

// relative is name, which lies below dir, without it.
func relative(dir, name string) string {
	if dir == "." {
		return name
	}
	return name[len(dir)+1:]
}

// plain hides who owns a file: it says nothing of the build, and would be looked up in the machine's list of
// users.
type plain struct{ fs.FileInfo }

func (plain) Sys() any { return nil }
