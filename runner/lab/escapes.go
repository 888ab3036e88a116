package lab

import (
	"bytes"

	"github.com/charmbracelet/x/ansi/parser"
)

const (
	escape = 0x1b
	c1Lead = 0xc2 // begins the control characters U+0080 to U+009F in UTF-8: each stands for an escape and a letter
)

// escapes takes a terminal's escape sequences out of a line, wherever that is cut into pieces. It is for text
// in UTF-8: a byte above 0x7f that is part of none is text in some other encoding, and begins no sequence.
// The zero value stands at the start of a line.
type escapes struct {
	state parser.State
	lead  bool // the last byte was c1Lead: the next one says what it is
}

// mayHaveEscapes reports whether there is anything in a line to take out.
func mayHaveEscapes(line []byte) bool {
	if bytes.IndexByte(line, escape) >= 0 {
		return true
	}
	for {
		i := bytes.IndexByte(line, c1Lead)
		if i < 0 {
			return false
		}
		if line = line[i+1:]; len(line) > 0 && isC1(line[0]) {
			return true
		}
	}
}

// isC1 reports whether b completes a control character that c1Lead began.
func isC1(b byte) bool { return b >= 0x80 && b <= 0x9f }

// strip appends what is left of the next piece to dst.
func (e *escapes) strip(dst, piece []byte) []byte {
	for _, b := range piece {
		if e.lead {
			e.lead = false
			if isC1(b) {
				dst = e.next(dst, escape)
				dst = e.next(dst, b-0x40)
				continue
			}
			dst = e.next(dst, c1Lead)
		}
		if b == c1Lead {
			e.lead = true
			continue
		}
		dst = e.next(dst, b)
	}
	return dst
}

// end appends what was held back, and stands at the start of the next line: a sequence that this one left
// open ends with it.
func (e *escapes) end(dst []byte) []byte {
	if e.lead {
		dst = e.next(dst, c1Lead)
	}
	*e = escapes{}
	return dst
}

func (e *escapes) next(dst []byte, b byte) []byte {
	switch {
	case e.state == parser.GroundState && b != escape:
		return append(dst, b)
	case b >= 0x80 && e.inString():
		return dst
	case b >= 0x80: // no sequence goes on with this: it is cut short
		e.state = parser.GroundState
		return append(dst, b)
	}
	state, action := parser.Table.Transition(e.state, b)
	e.state = state
	if action == parser.PrintAction || action == parser.ExecuteAction {
		dst = append(dst, b)
	}
	return dst
}

// inString reports whether the text of a sequence is being read, such as a title or a link.
func (e *escapes) inString() bool {
	switch e.state {
	case parser.OscStringState, parser.DcsStringState, parser.SosStringState, parser.PmStringState, parser.ApcStringState:
		return true
	}
	return false
}
