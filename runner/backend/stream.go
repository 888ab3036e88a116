package backend

import (
	"cmp"
	"errors"
	"io"
	"sync"
)

// Stream passes what write writes to read, which need not read to the end. An error of write that is not
// read's own is the result.
func Stream(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	err := read(r)
	r.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
	sourceErr := <-written
	if sourceErr != nil && !errors.Is(sourceErr, io.ErrClosedPipe) && (err == nil || !errors.Is(sourceErr, err)) {
		return sourceErr
	}
	return err
}

// SourceReader remembers its reader's own error, so that a source which fails is told from what it is written
// to, where a copy or an HTTP client gives one error for both. It may be read in another goroutine.
type SourceReader struct {
	r   io.Reader
	mu  sync.Mutex
	err error
}

// NewSourceReader reads r.
func NewSourceReader(r io.Reader) *SourceReader { return &SourceReader{r: r} }

func (s *SourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return n, err
}

// Failure is the error that the source gave; nil: none, or that it came to its end.
func (s *SourceReader) Failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
