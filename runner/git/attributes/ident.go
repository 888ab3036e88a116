package attributes

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
)

// identWriter fills in $Id$ with the id of the blob, as the attribute ident asks.
//
// Git has two readers of $Id$: one for content as it streams past, one for content in memory, which it takes
// for files with an encoding or with text=auto. They differ where $Id$ is not what git itself would write
// ("$$Id$", "$Id: a b $"), and checkouts show it; so both are here.
type identWriter struct {
	out      *bufio.Writer
	id       string // ": … $"
	inMemory bool

	matched  int    // bytes of "$Id" seen
	skipping bool   // in "$Id: …", up to the next $ or the end of the line
	left     []byte // seen and not yet written
}

// identHead is what a keyword begins with. In the streaming reader its terminating NUL can match as well.
const identHead = "$Id\x00"

// longestIdent bounds what is held of a line that begins like an $Id$.
const longestIdent = 64 << 20

// ErrLongIdent says that a file begins an $Id$ and does not end it.
var ErrLongIdent = fmt.Errorf("an $Id$ that does not end within %d MB", longestIdent>>20)

func newIdentWriter(out *bufio.Writer, blob string, inMemory bool) *identWriter {
	return &identWriter{out: out, id: fmt.Sprintf(": %s $", blob), inMemory: inMemory}
}

func (w *identWriter) Write(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		if w.matched == 0 && !w.skipping && len(w.left) == 0 { // most of a file
			plain := bytes.IndexByte(p[i:], '$')
			if plain < 0 {
				plain = len(p) - i
			}
			if _, err := w.out.Write(p[i : i+plain]); err != nil {
				return 0, err
			}
			if i += plain; i == len(p) {
				break
			}
		}
		if w.inMemory {
			w.nextInMemory(p[i])
		} else {
			w.next(p[i])
		}
		if len(w.left) > longestIdent {
			return 0, ErrLongIdent
		}
	}
	return len(p), nil
}

// next takes a byte of content that streams.
func (w *identWriter) next(c byte) {
	switch {
	case w.skipping:
		w.left = append(w.left, c)
		if c != '\n' && c != '$' {
			return
		}
		if c == '$' && !foreignIdent(w.left) {
			w.left = append(w.left[:len("$Id")], w.id...)
		}
		w.skipping = false
		w.flush()
	case w.matched < len(identHead) && identHead[w.matched] == c:
		w.matched++
	default:
		w.left = append(w.left, identHead[:w.matched]...)
		whole := w.matched == len("$Id")
		w.matched = 0
		switch {
		case whole && c == ':':
			w.left, w.skipping = append(w.left, c), true
		case whole && c == '$':
			w.left = append(w.left, w.id...)
			w.flush()
		default:
			w.left = append(w.left, c)
			if !whole { // else it stays, and is lost where an "$Id: …$" follows at once
				w.flush()
			}
		}
	}
}

// foreignIdent reports whether another version control wrote an "$Id: …$": there are blanks inside.
func foreignIdent(text []byte) bool {
	text, isIdent := bytes.CutPrefix(text, []byte("$Id: "))
	text, _, _ = bytes.Cut(text, []byte{0})
	for i, c := range text {
		blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'
		if isIdent && blank && (i+1 == len(text) || text[i+1] != '$') {
			return true
		}
	}
	return false
}

// nextInMemory takes a byte of content that git holds in memory.
func (w *identWriter) nextInMemory(c byte) {
	switch {
	case w.skipping:
		w.left = append(w.left, c)
		switch {
		case c == '\n':
			w.skipping = false
			w.flush()
		case c == '$':
			w.skipping = false
			inside := w.left[len("$Id:") : len(w.left)-1]
			if space := slices.Index(inside[min(1, len(inside)):], ' ') + 1; space > 0 && space < len(inside)-1 {
				w.left = w.left[:len(w.left)-1]
				w.flush()
				w.matched = 1 // this $ may begin another
				return
			}
			w.left = append(append(w.left[:0], "$Id"...), w.id...)
			w.flush()
		}
	case w.matched < len("$Id") && identHead[w.matched] == c:
		w.matched++
	case w.matched == len("$Id") && c == ':':
		w.left, w.matched, w.skipping = append(w.left, "$Id:"...), 0, true
	case w.matched == len("$Id") && c == '$':
		w.left, w.matched = append(append(w.left, "$Id"...), w.id...), 0
		w.flush()
	default:
		w.left, w.matched = append(w.left, identHead[:w.matched]...), 0
		if c == '$' {
			w.matched = 1
		} else {
			w.left = append(w.left, c)
		}
		w.flush()
	}
}

// flush writes what is left. A bufio.Writer keeps its error for the next call.
func (w *identWriter) flush() {
	_, _ = w.out.Write(w.left)
	w.left = w.left[:0]
}

func (w *identWriter) Close() error {
	w.left = append(w.left, identHead[:w.matched]...)
	w.flush()
	return w.out.Flush()
}
