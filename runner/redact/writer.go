package redact

import (
	"cmp"
	"io"
	"slices"
)

// mostGaps is how many gaps in a row a word may have between two of its characters. A shell's quotes in
// quotes in quotes need some forty.
const mostGaps = 64

// A Writer hides secrets in a stream, at every cut of the stream into writes. It holds back only what may be
// the beginning of a secret, until it is known whether it is. It serves the stages of a trial one after the
// other, so that a secret of which each of two stages prints a half is not whole in the log.
//
// It reads on in all words from all places of the stream at once, as a nondeterministic automaton does, and
// keeps the earliest begin of each state. So the union of all occurrences is hidden: it does not matter which
// of two secrets that overlap comes first, and no rest of one is left next to the other. Places are bytes
// from the start of the stream.
type Writer struct {
	secrets *Secrets
	w       io.Writer

	text   []byte // the end of the stream, from the place on where a secret may begin that goes on later
	begun  int    // the place of text
	states []state
	next   []state // those after the next byte; empty between steps
	spans  []span  // occurrences that reach into text, or beyond
	done   int     // the place up to which the stream has been passed on, or hidden
	hiding bool    // what was passed on last is the sign for a secret: one that follows at once needs no other
}

// state is a word of which a part was read.
type state struct {
	word  int // its index
	read  int // bytes of it
	gaps  int // since the last of them
	place int // where the next escape or gap begins
	begin int // where the word begins
}

// span is a part of the stream, from a place to another.
type span struct{ from, to int }

// Writer returns a [Writer] in front of w. Call Flush at the end of the stream.
func (s *Secrets) Writer(w io.Writer) *Writer { return &Writer{secrets: s, w: w} }

// SetOutput has what comes from now on written to w.
func (r *Writer) SetOutput(w io.Writer) { r.w = w }

// Write passes on what can be. It never returns a short count.
func (r *Writer) Write(p []byte) (int, error) {
	if r.secrets == nil {
		return r.w.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := 0
		if len(r.states) == 0 { // most of the output
			for n < len(rest) && len(r.secrets.first[rest[n]]) == 0 {
				n++
			}
		}
		n = min(n+1, len(rest))
		r.text = append(r.text, rest[:n]...)
		r.step(rest[n-1])
		rest = rest[n:]
	}
	open := r.begun + len(r.text)
	for _, s := range r.states {
		open = min(open, s.begin)
	}
	err := r.pass(open)
	r.text = append(r.text[:0], r.text[open-r.begun:]...)
	r.begun = open
	r.spans = slices.DeleteFunc(r.spans, func(s span) bool { return s.to <= open })
	return len(p), err
}

// Flush passes on what is held back. What it turns out to be the beginning of is hidden from there on.
func (r *Writer) Flush() error {
	if r.secrets == nil {
		return nil
	}
	return r.pass(r.begun + len(r.text))
}

// step takes c, the last byte of text, into account.
func (r *Writer) step(c byte) {
	for _, s := range r.states {
		r.advance(s)
	}
	place := r.begun + len(r.text) - 1
	for _, word := range r.secrets.first[c] {
		r.advance(state{word: word, place: place, begin: place})
	}
	r.states, r.next = r.next, r.states[:0]
}

// keep notes a state after the next byte. Of two that differ in where they begin alone, the earlier stands
// for both.
func (r *Writer) keep(s state) {
	for i := range r.next {
		known := &r.next[i]
		if known.word == s.word && known.read == s.read && known.gaps == s.gaps && known.place == s.place {
			known.begin = min(known.begin, s.begin)
			return
		}
	}
	r.next = append(r.next, s)
}

// advance reads text from where the next escape or gap of s begins.
func (r *Writer) advance(s state) {
	word := &r.secrets.words[s.word]
	text, end := r.text[s.place-r.begun:], r.begun+len(r.text)
	stands, more := word.readEscaped(text, s.read)
	for n := 1; stands>>n > 0; n++ {
		switch {
		case stands>>n&1 == 0:
		case s.read+n == len(word.text):
			r.spans = append(r.spans, span{s.begin, end})
		default:
			r.keep(state{s.word, s.read + n, 0, end, s.begin})
		}
	}
	if s.read > 0 && s.gaps < mostGaps {
		is, longer := gap(text, word.coded, word.text[s.read-1] == '\n')
		if more = more || longer; is {
			r.keep(state{s.word, s.read, s.gaps + 1, end, s.begin})
		}
	}
	if more {
		r.keep(s)
	}
}

// pass passes the stream on up to end, but what lies in spans.
func (r *Writer) pass(end int) error {
	var out []byte
	plain := func(to int) {
		if to = min(to, end); to > r.done {
			out, r.hiding, r.done = append(out, r.text[r.done-r.begun:to-r.begun]...), false, to
		}
	}
	r.spans = joined(r.spans)
	for _, s := range r.spans {
		plain(s.from)
		if to := min(s.to, end); to > r.done && s.from <= r.done {
			if !r.hiding {
				out = append(out, redacted...)
			}
			r.hiding, r.done = true, to
		}
	}
	plain(end)
	if len(out) == 0 {
		return nil
	}
	_, err := r.w.Write(out)
	return err
}

// joined makes one of spans that overlap or touch.
func joined(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	all := spans[:0]
	for _, next := range spans {
		if last := len(all) - 1; last >= 0 && next.from <= all[last].to {
			all[last].to = max(all[last].to, next.to)
			continue
		}
		all = append(all, next)
	}
	return all
}
