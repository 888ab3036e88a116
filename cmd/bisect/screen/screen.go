// Package screen writes what people read while bisect runs: output that no terminal obeys (screen.go), the
// output of builds made visible (visible.go), and the progress of trials (progress.go).
package screen

import (
	"io"
	"os"
	"unicode/utf8"

	"buildbisect/bisect/report"
)

// Screen is an output of the program: what moves a terminal's cursor, hides words or turns their order around
// never gets there, whoever it came from and whatever wrote it. Where texts are put together they are cleaned
// already; this is for what was forgotten.
type Screen struct {
	file *os.File
	held []byte // the beginning of a character
}

func (s *Screen) Write(p []byte) (int, error) {
	text := append(s.held, p...)
	s.held = nil
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			s.held = text
			break
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, '?')
		case r == '\n', r == '\t', r == '\r', r == '\b': // the last two are how progress is written
			out = append(out, byte(r))
		case report.Hostile(r):
			out = append(out, '?')
		default:
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	if _, err := s.file.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// New is the output of a file.
func New(f *os.File) *Screen { return &Screen{file: f} }

// FileOf is the file that w writes to; nil: none.
func FileOf(w io.Writer) *os.File {
	switch w := w.(type) {
	case *Screen:
		return w.file
	case *os.File:
		return w
	}
	return nil
}
