package attributes

import (
	"bufio"
	"errors"
	"io"

	"golang.org/x/text/transform"
)

// errUnencodable says that an encoding lacks a character of the text.
var errUnencodable = errors.New("the encoding lacks a character of it")

// Content opens what git stores of a file, as often as asked.
type Content func() (io.ReadCloser, error)

// rendering is a file as a checkout writes it: how long, and what. Content is converted as it streams by,
// twice: a tar wants the size first.
type rendering struct {
	Size  int64
	Write func(w io.Writer) error
	Plain string // why the content keeps its encoding although the attributes name another; "": it does not
}

// Render applies a conversion to a blob.
func (c Conversion) Render(blob string, stored Content) (rendering, error) {
	var r rendering
	if c.auto {
		var lines lineStats
		if err := (Conversion{ident: c.ident, inMemory: c.inMemory}).stream(blob, stored, &lines); err != nil {
			return r, err
		}
		c.auto, c.crlf = false, lines.text()
	}
	if c.Encoding != "" && encoder(c.Encoding) == nil {
		r.Plain, c.Encoding = "bisect does not know the encoding", ""
	}
	var size counter
	err := c.stream(blob, stored, &size)
	if failed, ok := errors.AsType[*encodingError](err); ok {
		// Git says so, and goes on.
		r.Plain, c.Encoding, size = failed.Error(), "", 0
		err = c.stream(blob, stored, &size)
	}
	r.Size = int64(size)
	r.Write = func(w io.Writer) error { return c.stream(blob, stored, w) }
	return r, err
}

// stream writes the converted content: first $Id$, then ends of lines, then the encoding.
func (c Conversion) stream(blob string, stored Content, w io.Writer) (err error) {
	in, err := stored()
	if err != nil {
		return err
	}
	defer in.Close()
	var stages []io.Closer // from the first to the last
	put := func(stage io.WriteCloser) io.Writer {
		stages = append([]io.Closer{stage}, stages...)
		return stage
	}
	if c.Encoding != "" {
		w = put(&encodingWriter{out: transform.NewWriter(w, encoder(c.Encoding))})
	}
	if c.crlf {
		w = put(&crlfWriter{out: bufio.NewWriter(w)})
	}
	if c.ident {
		w = put(newIdentWriter(bufio.NewWriter(w), blob, c.inMemory))
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	for _, stage := range stages {
		if err := stage.Close(); err != nil {
			return err
		}
	}
	return nil
}

// encodingWriter marks what its encoder refuses, so that it is told from what goes wrong behind it.
type encodingWriter struct{ out *transform.Writer }

type encodingError struct{ error }

func (e *encodingError) Unwrap() error { return e.error }

func (e *encodingWriter) Write(p []byte) (int, error) {
	n, err := e.out.Write(p)
	return n, asEncodingError(err)
}

func (e *encodingWriter) Close() error { return asEncodingError(e.out.Close()) }

func asEncodingError(err error) error {
	if err == nil {
		return nil
	}
	return &encodingError{err}
}

// crlfWriter ends lines with CR LF, those that already do apart.
type crlfWriter struct {
	out  *bufio.Writer
	last byte
}

func (w *crlfWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' && w.last != '\r' {
			_ = w.out.WriteByte('\r') // its error is kept for the next call
		}
		if err := w.out.WriteByte(c); err != nil {
			return 0, err
		}
		w.last = c
	}
	return len(p), nil
}

func (w *crlfWriter) Close() error { return w.out.Flush() }

// counter counts bytes.
type counter int64

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}

// lineStats is what git counts to tell text from binary content. It looks at all of it.
type lineStats struct {
	nul, loneCR, loneLF, crlf int64
	printable, control        int64
	last                      byte
	any                       bool
}

func (s *lineStats) Write(p []byte) (int, error) {
	for _, c := range p {
		if s.any && s.last == '\r' && c != '\n' {
			s.loneCR++
		}
		switch {
		case c == '\n' && s.any && s.last == '\r':
			s.crlf++
		case c == '\n':
			s.loneLF++
		case c == '\r':
		case c == '\b', c == '\t', c == '\f', c == 0x1b, c >= ' ' && c != 0x7f:
			s.printable++
		default:
			s.control++
			if c == 0 {
				s.nul++
			}
		}
		s.last, s.any = c, true
	}
	return len(p), nil
}

// text reports whether text=auto eol=crlf ends lines with CR LF: text without a single CR.
func (s *lineStats) text() bool {
	control := s.control
	if s.any && s.last == 0x1a { // the end-of-file mark of DOS
		control--
	}
	noCR := s.loneCR == 0 && s.crlf == 0 && s.last != '\r'
	return s.loneLF > 0 && noCR && s.nul == 0 && s.printable/128 >= control
}
