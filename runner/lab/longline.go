package lab

import (
	"bytes"
	"io"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"buildbisect/runner/redact"
)

const (
	longestLine = 64 << 10 // bytes of a line that are held: what is longer is matched as it comes
	matchWindow = 4 << 10  // bytes before the end of a match in such a line that are held, to show it
)

// lineStream is a line too long to be held, such as that of a progress bar which never ends one. It is
// matched as it comes, in memory that does not grow with it; where the pattern says ^ or $, they are the ends
// of the whole line.
type lineStream struct {
	escapes escapes
	hide    *redact.Writer
	head    []byte         // its first recentWidth bytes
	feed    *io.PipeWriter // to who matches it; nil: nobody does
	found   chan []byte    // gets an excerpt with the match, or nil
}

func newLineStream(pattern *regexp.Regexp, secrets *redact.Secrets) *lineStream {
	s := &lineStream{}
	s.hide = secrets.Writer(textWriter(s.take))
	if pattern != nil {
		var r *io.PipeReader
		r, s.feed = io.Pipe()
		s.found = make(chan []byte, 1)
		go func() {
			s.found <- search(pattern, r)
			_, _ = io.Copy(io.Discard, r) // nobody may wait for a reader that has its answer
		}()
	}
	return s
}

type textWriter func([]byte)

func (w textWriter) Write(p []byte) (int, error) { w(p); return len(p), nil }

// add takes the next piece of the line.
func (s *lineStream) add(piece []byte) {
	_, _ = s.hide.Write(s.escapes.strip(nil, piece)) // take gives no error
}

func (s *lineStream) take(text []byte) {
	s.head = append(s.head, text[:min(len(text), recentWidth-len(s.head))]...)
	if s.feed != nil {
		_, _ = s.feed.Write(text) // it is read to its end
	}
}

// end gives the beginning of the line, and an excerpt with the match; nil: it has none. It must be called
// once.
func (s *lineStream) end() (head, match []byte) {
	_, _ = s.hide.Write(s.escapes.end(nil))
	_ = s.hide.Flush()
	if s.feed == nil {
		return s.head, nil
	}
	s.feed.Close()
	return s.head, <-s.found
}

// search reads until the pattern has matched, and gives an excerpt with the match, or nil.
func search(pattern *regexp.Regexp, r io.Reader) []byte {
	w := &runeWindow{r: r, buf: make([]byte, 0, matchWindow+longestLine)}
	if !w.skipTo(literalStart(pattern)) || !pattern.MatchReader(w) {
		return nil
	}
	w.more(tailWidth)
	from := max(0, w.at-matchWindow)
	at, text := w.at-from, w.buf[from:min(len(w.buf), w.at+tailWidth)]
	loc := pattern.FindIndex(text)
	if loc == nil || from > 0 && loc[0] == 0 { // it began before what is held
		loc = []int{max(0, at-tailWidth/2), at}
	}
	return bytes.Clone(excerpt(text, loc))
}

// literalStart is the text that every match begins with, where nothing is said of what stands before it;
// mostly "".
func literalStart(pattern *regexp.Regexp) []byte {
	parsed, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || prog.StartCond() != 0 {
		return nil
	}
	prefix, _ := prog.Prefix()
	return []byte(prefix)
}

// runeWindow reads runes, and holds what was read last: matchWindow bytes and more.
type runeWindow struct {
	r   io.Reader
	buf []byte
	at  int // where in buf the next rune begins
	err error
}

func (w *runeWindow) ReadRune() (rune, int, error) {
	if w.more(utf8.UTFMax); w.at == len(w.buf) {
		return 0, 0, w.err
	}
	c, size := utf8.DecodeRune(w.buf[w.at:])
	w.at += size
	return c, size, nil
}

// more reads on until n bytes are there to be read, or none come any more.
func (w *runeWindow) more(n int) {
	for len(w.buf)-w.at < n && w.err == nil {
		if old := w.at - matchWindow; len(w.buf) == cap(w.buf) && old > 0 {
			w.buf = w.buf[:copy(w.buf, w.buf[old:])]
			w.at -= old
		}
		var read int
		read, w.err = w.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+read]
	}
}

// skipTo goes on to the next place where word stands, and reports whether there is one.
func (w *runeWindow) skipTo(word []byte) bool {
	for w.more(max(1, len(word))); ; w.more(max(1, len(word))) {
		if i := bytes.Index(w.buf[w.at:], word); i >= 0 {
			w.at += i
			return true
		}
		if w.err != nil {
			return false
		}
		w.at = len(w.buf) - len(word) + 1
	}
}

// excerpt is what of a line to show so that the match at loc is seen: its beginning where the match lies in
// that, else what is around the match.
func excerpt(line []byte, loc []int) []byte {
	if loc[1] <= tailWidth {
		return line[:min(len(line), tailWidth+1)] // clip marks the cut
	}
	const before = tailWidth / 4
	from := max(0, loc[0]-before)
	to := min(len(line), from+tailWidth-len("…"))
	if from == 0 {
		return line[:min(len(line), tailWidth+1)]
	}
	return append([]byte("…"), line[from:to]...)
}
