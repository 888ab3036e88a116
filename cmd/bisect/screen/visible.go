package screen

import (
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"buildbisect/bisect/report"
)

// Visible shows what a build prints, as it comes, as less and cat -v do: colours are left out, a line ends
// where it says, and any other character that a terminal would obey, or not show, stands there in words: ^[
// for escape, <U+202E>, <FF>. Flush comes last.
type Visible struct {
	w    io.Writer
	held []byte // the beginning of a character, a colour or an end of line
}

// NewVisible shows on w.
func NewVisible(w io.Writer) *Visible { return &Visible{w: w} }

// colour sets how text looks and does nothing else; begunColour is what may become one.
var (
	colour      = regexp.MustCompile(`^\x1b\[[0-9;:]*m`)
	begunColour = regexp.MustCompile(`^\x1b(\[[0-9;:]{0,60})?$`)
)

func (v *Visible) Write(p []byte) (int, error) {
	text := append(v.held, p...)
	out, rest := show(text, false)
	v.held = append([]byte(nil), rest...)
	if _, err := v.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush shows what was held back, and ends the last line.
func (v *Visible) Flush() error {
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
