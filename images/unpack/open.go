package unpack

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

type kind int

const (
	_      kind = iota
	single      // neither tar nor zip
	tarred
	zipped
)

// source is an opened archive.
type source struct {
	kind   kind
	stream io.Reader   // single and tarred: uncompressed
	zip    *zip.Reader // zipped
	limit  int64
	close  []func()
}

func (s *source) Close() {
	for _, c := range s.close {
		c()
	}
}

// open looks at an archive's first bytes. Its stream ends with ctx. The caller closes it.
func (a Archive) open(ctx context.Context) (*source, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return nil, a.broken(err)
	}
	s := &source{limit: cmp.Or(a.Limit, 4<<30), close: []func(){func() { f.Close() }}}
	if err := s.recognize(ctx, f); err != nil {
		s.Close()
		return nil, a.broken(err)
	}
	return s, nil
}

func (s *source) recognize(ctx context.Context, f *os.File) error {
	in := bufio.NewReaderSize(f, 64<<10)
	magic, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return err
	}
	is := func(m string) bool { return bytes.HasPrefix(magic, []byte(m)) }
	var raw io.Reader
	switch {
	case is("PK\x03\x04") || is("PK\x05\x06"):
		info, err := f.Stat()
		if err != nil {
			return err
		}
		s.kind = zipped
		s.zip, err = zip.NewReader(f, info.Size())
		if errors.Is(err, zip.ErrFormat) {
			return errors.New("it begins as a zip, but has no list of its members: it is cut short or damaged; get it again")
		}
		return err
	case is("\x1f\x8b"):
		raw, err = gzip.NewReader(in)
	case is("BZh"):
		raw = bzip2.NewReader(in)
	case is("\xfd7zXZ\x00"):
		if err := endsAsXZ(f); err != nil {
			return err
		}
		raw, err = xz.NewReader(in)
	case is("\x28\xb5\x2f\xfd"):
		// 128 MB is the largest window that the zstd program takes without being told to. One at a time: no
		// goroutines.
		var z *zstd.Decoder
		z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
		if err == nil {
			raw = z
			s.close = append(s.close, z.Close)
		}
	default:
		raw, err = in, nil
	}
	if err != nil {
		return err
	}
	stream := bufio.NewReaderSize(&bounded{whyEnded(ctx), raw, s.limit, s.limit}, 64<<10)
	s.stream = stream
	block, err := stream.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	s.kind = single
	if isTar(block) {
		s.kind = tarred
	}
	return nil
}

// endsAsXZ looks for the last bytes of an xz file, behind which there may be zeros: package xz does not miss
// them, nor the blocks before them.
func endsAsXZ(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	tail := make([]byte, min(64, info.Size()))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return err
	}
	if !bytes.HasSuffix(bytes.TrimRight(tail, "\x00"), []byte("YZ")) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// isTar reports whether a block is the header of a member, by its checksum: old archives bear no other mark.
func isTar(block []byte) bool {
	if len(block) < 512 {
		return false
	}
	_, err := tar.NewReader(bytes.NewReader(block)).Next()
	return err == nil || errors.Is(err, io.ErrUnexpectedEOF) // a header that goes on in the next block
}

// whyEnded returns what says why reading is to end; nil: it is not.
func whyEnded(ctx context.Context) func() error {
	return func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
}

// bounded is a stream that ends with an error when there is too much of it, or when it is to end.
type bounded struct {
	ended       func() error
	in          io.Reader
	left, limit int64 // bytes
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ended(); err != nil {
		return 0, err
	}
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	return n, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("more than the %d bytes that are allowed are in it", limit)
}
