package lab

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/redact"
)

// readByHand is the oracle: what is to be kept of a text that is there at once. Of a match in a line that is
// not held, the whole line: what is kept is some of it.
func readByHand(text []byte, pattern *regexp.Regexp) (matches, tail []string, lastLine string, lines int) {
	var all [][]byte
	for _, line := range bytes.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		long := len(line) > longestLine
		var e escapes
		line = e.end(e.strip(nil, line))
		if pattern != nil && pattern.Match(line) && len(matches) < matchesShown {
			if long {
				matches = append(matches, strings.ToValidUTF8(strings.ReplaceAll(string(line), "\x00", "␀"), "�"))
			} else {
				matches = append(matches, clip(excerpt(line, pattern.FindIndex(line))))
			}
		}
		all = append(all, line[:min(len(line), recentWidth)])
	}
	lines = len(all)
	all = all[max(0, lines-recentLines):]
	for _, line := range all[max(0, len(all)-tailLines):] {
		tail = append(tail, clip(line))
	}
	for _, line := range all { // the last of the best kind
		kind := func(l string) int {
			switch {
			case strings.TrimSpace(l) == "":
				return 0
			case makeSummary.MatchString(l):
				return 1
			case errorWords.MatchString(l):
				return 3
			}
			return 2
		}
		if kind(string(line)) >= kind(lastLine) && kind(string(line)) > 0 {
			lastLine = string(line)
		}
	}
	return matches, tail, clip([]byte(lastLine)), lines
}

// showsSome reports whether kept is a line, or some of a long one.
func showsSome(kept, line string) bool {
	if kept == line {
		return true
	}
	valid := func(s string) string { return strings.ReplaceAll(s, "�", "") } // a cut may go through a character
	return len(line) > longestLine && strings.Contains(valid(line), valid(strings.Trim(kept, "…")))
}

// FuzzOutput: however the output of a stage is cut into pieces, what is kept of it is what the oracle says,
// the log has every byte, memory is bounded, and a secret is in nothing that is kept.
func FuzzOutput(f *testing.F) {
	plain := regexp.MustCompile(`^[0-9A-Za-z]{4,32}$`)
	f.Fuzz(func(t *testing.T, text, cuts []byte, times uint16, match, secret string) {
		if len(text) > 0 {
			text = bytes.Repeat(text, 1+min(int(times), (256<<10)/len(text)))
		}
		pattern, err := regexp.Compile(match)
		if err != nil {
			pattern = nil
		}
		matches, tail, lastLine, lines := readByHand(text, pattern)
		for _, cuts := range [][]byte{nil, cuts} {
			var log bytes.Buffer
			o := &output{log: &log, pattern: pattern}
			writeInPieces(o, text, cuts)
			o.endLine()
			if !bytes.Equal(log.Bytes(), text) {
				t.Fatalf("the log has %d bytes of %d", log.Len(), len(text))
			}
			if !slices.EqualFunc(o.matches, matches, showsSome) || o.matched != (len(matches) > 0) {
				t.Fatalf("cut at %v: matches %q, want %q", cuts, o.matches, matches)
			}
			if !slices.Equal(o.tail(), tail) || o.lines != lines {
				t.Fatalf("cut at %v: the tail of %d lines is %q, want %q of %d", cuts, o.lines, o.tail(), tail, lines)
			}
			if o.lastLine() != lastLine {
				t.Fatalf("cut at %v: last line %q, want %q", cuts, o.lastLine(), lastLine)
			}
			for _, line := range o.recent {
				if cap(line) > 2*recentWidth {
					t.Fatalf("a line holds %d bytes", cap(line))
				}
			}
			if cap(o.line) > 2*longestLine || len(o.recent) > recentLines {
				t.Fatalf("%d bytes of a line are held, and %d lines", cap(o.line), len(o.recent))
			}
		}
		if !plain.MatchString(secret) {
			return
		}
		s := redact.New(map[string]string{"SECRET": secret})
		o := &output{log: io.Discard, secrets: s, pattern: pattern}
		hide := s.Writer(o)
		writeInPieces(hide, text, cuts)
		hide.Flush()
		o.endLine()
		for _, kept := range slices.Concat(o.matches, o.tail(), []string{o.lastLine()}) {
			if strings.Contains(kept, secret) {
				t.Fatalf("the secret %q is kept in %q", secret, kept)
			}
		}
	})
}

// writeInPieces passes text to w in pieces whose lengths follow from cuts, over and over.
func writeInPieces(w io.Writer, text, cuts []byte) {
	for i := 0; len(text) > 0; i++ {
		n := len(text)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		_, _ = w.Write(text[:n])
		text = text[n:]
	}
}
