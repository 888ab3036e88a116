package unpack

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// visitFunc is told of a member: its name is clean and new, and of its header only kind, size, mode and link
// count.
type visitFunc func(h *tar.Header, r io.Reader) error

// walk visits all members and returns their names. An error of visit is one of the member.
func (a Archive) walk(ctx context.Context, src *source, visit visitFunc) (names, error) {
	seen := names{}
	var total int64 // bytes, as the headers say: a sparse file takes few in the archive
	member := func(h *tar.Header, r io.Reader) error {
		if h.Size < 0 || h.Size > src.limit-total {
			return tooLarge(src.limit)
		}
		total += h.Size
		name, err := seen.admit(h)
		if name == "" || err != nil {
			return err
		}
		h.Name = name
		return visit(h, r)
	}
	each := func(h *tar.Header, r io.Reader) error {
		name := h.Name
		if err := member(h, r); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the archive is cut short within it; get it again")
			}
			return a.errorf("member %q: %w", name, err)
		}
		return nil
	}
	if src.kind == zipped {
		return seen, a.walkZip(ctx, src, each)
	}
	return seen, a.walkTar(src, each)
}

func (a Archive) walkTar(src *source, each visitFunc) error {
	for in := tar.NewReader(src.stream); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return a.broken(err)
		}
		switch h.Typeflag {
		case tar.TypeXGlobalHeader: // a comment, as git archive writes it
			continue
		case tar.TypeGNUSparse, tar.TypeCont:
			h.Typeflag = tar.TypeReg
		}
		if err := each(h, in); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, src.stream) // up to the compressor's own checksum
	return a.broken(err)
}

func (a Archive) walkZip(ctx context.Context, src *source, each visitFunc) error {
	// By name, so that a folder comes before what is in it: a zip has no order to rely on.
	files := slices.SortedStableFunc(slices.Values(src.zip.File), func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range files {
		h := &tar.Header{Name: f.Name, Mode: int64(f.Mode().Perm()), Size: int64(f.UncompressedSize64)}
		switch f.Mode().Type() {
		case 0:
			h.Typeflag = tar.TypeReg
		case fs.ModeDir:
			h.Typeflag = tar.TypeDir
		case fs.ModeSymlink:
			h.Typeflag = tar.TypeSymlink
		case fs.ModeNamedPipe:
			h.Typeflag = tar.TypeFifo
		default:
			h.Typeflag = tar.TypeChar
		}
		r := &lazy{file: f, ended: whyEnded(ctx)}
		if h.Typeflag == tar.TypeSymlink {
			target, err := io.ReadAll(io.LimitReader(r, longest+1))
			if err != nil {
				return a.errorf("member %q: %w", f.Name, err)
			}
			h.Linkname = string(target)
		}
		err := each(h, r)
		r.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// lazy opens a zip's member when it is read, since most are passed by.
type lazy struct {
	file  *zip.File
	ended func() error
	in    io.ReadCloser
}

func (l *lazy) Read(p []byte) (int, error) {
	if err := l.ended(); err != nil {
		return 0, err
	}
	if l.in == nil {
		const encrypted = 1
		if l.file.Flags&encrypted != 0 {
			return 0, errors.New("it is encrypted")
		}
		in, err := l.file.Open()
		if errors.Is(err, zip.ErrAlgorithm) {
			return 0, fmt.Errorf("it is compressed with method %d, which is not known here", l.file.Method)
		}
		if err != nil {
			return 0, err
		}
		l.in = in
	}
	return l.in.Read(p)
}

func (l *lazy) close() {
	if l.in != nil {
		l.in.Close()
	}
}
