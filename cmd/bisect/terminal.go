package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"unicode/utf8"

	"buildbisect/bisect/report"
)

// screen is an output of the program: what moves a terminal's cursor, hides words or turns their order around
// never gets there, whoever it came from and whatever wrote it. Where texts are put together they are cleaned
// already; this is for what was forgotten.
type screen struct {
	file *os.File
	held []byte // the beginning of a character
}

func (s *screen) Write(p []byte) (int, error) {
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

// fileOf is the file that w writes to; nil: none.
func fileOf(w io.Writer) *os.File {
	switch w := w.(type) {
	case *screen:
		return w.file
	case *os.File:
		return w
	}
	return nil
}

// visible shows what a build prints, as it comes, as less and cat -v do: colours are left out, a line ends
// where it says, and any other character that a terminal would obey, or not show, stands there in words: ^[
// for escape, <U+202E>, <FF>. Flush comes last.
type visible struct {
	w    io.Writer
	held []byte // the beginning of a character, a colour or an end of line
}

// colour sets how text looks and does nothing else; begunColour is what may become one.
var (
	colour      = regexp.MustCompile(`^\x1b\[[0-9;:]*m`)
	begunColour = regexp.MustCompile(`^\x1b(\[[0-9;:]{0,60})?$`)
)

func (v *visible) Write(p []byte) (int, error) {
	text := append(v.held, p...)
	out, rest := show(text, false)
	v.held = append([]byte(nil), rest...)
	if _, err := v.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush shows what was held back, and ends the last line.
func (v *visible) Flush() error {
	out, _ := show(v.held, true)
	v.held = nil
	_, err := v.w.Write(out)
	return err
}

// show makes text visible. Rest is what depends on what comes next; at the end nothing does.
func show(text []byte, end bool) (out, rest []byte) {
	for len(text) > 0 {
		if !end && (!utf8.FullRune(text) || len(text) == 1 && text[0] == '\r' || len(text) < 64 && begunColour.Match(text)) {
			return out, text
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, "<%02X>", text[0])
		case r == '\n', r == '\t':
			out = append(out, byte(r))
		case r == '\r':
			if len(text) == 1 || text[1] != '\n' { // a line that was to be written over
				out = append(out, '\n')
			}
		case r == 0x1b && colour.Match(text):
			n = len(colour.Find(text))
		case r < ' ':
			out = append(out, '^', byte(r)+'@')
		case r == 0x7f:
			out = append(out, "^?"...)
		case report.Hostile(r):
			out = fmt.Appendf(out, "<U+%04X>", r)
		default:
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	return out, nil
}
