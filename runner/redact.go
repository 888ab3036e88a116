package runner

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

const (
	// redacted stands for a secret.
	redacted = "***"
	// leastPart is how many bytes a part of a secret has at the least that is hidden by itself: a short line of a key file,
	// such as a brace, is no secret.
	leastPart = 8
	// leastSecret is how short a whole one may be: scenarios refuse shorter ones.
	leastSecret = 4
)

// Secrets are what a build is given and nobody else is to read. A nil *Secrets has none.
//
// What comes from a build is cleansed of them before anything looks at it: before it is matched, kept, or shown. Hidden is
// every occurrence of a value, of its lines where it has several, and of how JSON, URLs, shells and base64 write it. What a
// build encodes in any other way, or prints in parts with something between them, is not recognized: this keeps a secret
// from being published by mistake, not from code that wants to give it away. It does not look into artifacts.
//
// No library that we know does this to a stream for many words that may overlap, without holding output back until its end;
// runners of CI systems each have one of their own.
type Secrets struct {
	env   []string // NAME=value, sorted
	words [][]byte // all that is hidden
}

// NewSecrets takes values by the variables that they are given as.
func NewSecrets(values map[string]string) *Secrets {
	if len(values) == 0 {
		return nil
	}
	s := &Secrets{}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s.env = append(s.env, name+"="+values[name])
		words = append(words, spellings(values[name])...)
	}
	slices.Sort(words)
	for _, word := range slices.Compact(words) {
		if word != "" {
			s.words = append(s.words, []byte(word))
		}
	}
	return s
}

// Env is what the build is given, as NAME=value.
func (s *Secrets) Env() []string {
	if s == nil {
		return nil
	}
	return s.env
}

// spellings are all the ways in which value is recognized.
func spellings(value string) []string {
	all := []string{value}
	part := func(text string) {
		if len(text) >= leastPart {
			all = append(all, text)
		}
	}
	if bare := strings.TrimSpace(value); len(bare) >= leastSecret { // as an unquoted variable has it
		all = append(all, bare)
	}
	if strings.Contains(value, "\n") {
		all = append(all, strings.ReplaceAll(value, "\n", "\r\n"))
		for line := range strings.Lines(value) {
			part(strings.TrimSpace(line))
		}
	}
	if text, err := json.Marshal(value); err == nil {
		all = append(all, string(text[1:len(text)-1])) // with < > & escaped
	}
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if e.Encode(value) == nil {
		text := strings.TrimSuffix(plain.String(), "\n")
		all = append(all, text[1:len(text)-1])
	}
	all = append(all, url.QueryEscape(value), url.PathEscape(value))
	all = append(all, strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, "'", `'"'"'`)) // sh -x: dash, bash
	for _, text := range []string{value, value + "\n"} {                                               // as echo has it
		// Without padding: with it they are found, too.
		std := base64.RawStdEncoding.EncodeToString([]byte(text))
		all = append(all, std, base64.RawURLEncoding.EncodeToString([]byte(text)))
		for line := range slices.Chunk([]byte(std), 76) { // as the program of that name breaks it
			part(string(line))
		}
	}
	// Behind other words, as in the header of a login, it begins at another of the three places of a group; the characters at both ends
	// stand for its neighbours, too.
	for before := 1; before <= 2; before++ {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(append(make([]byte, before), value...))
			from, to := (before*8+5)/6, (before+len(value))*8/6
			part(text[from:to])
		}
	}
	return all
}

// span is a part of some text: from and to are offsets.
type span struct{ from, to int }

// find gives what of text is to be hidden: the union of all occurrences, in order and apart from each other. So it does not
// matter which of two secrets that overlap comes first, and no rest of one is left beside the other.
func (s *Secrets) find(text []byte) []span {
	var found []span
	for _, word := range s.words {
		for at := 0; ; at++ {
			i := bytes.Index(text[at:], word)
			if i < 0 {
				break
			}
			at += i
			found = append(found, span{at, at + len(word)})
		}
	}
	return joined(found)
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

// open is where in text a secret may begin whose rest is yet to come; len(text) if nowhere.
func (s *Secrets) open(text []byte) int {
	first := len(text)
	for _, word := range s.words {
		for at := max(0, len(text)-len(word)+1); at < first; at++ {
			i := bytes.IndexByte(text[at:first], word[0])
			if i < 0 {
				break
			}
			if at += i; bytes.HasPrefix(word, text[at:]) {
				first = at
			}
		}
	}
	return first
}

// Text is text with secrets hidden.
func (s *Secrets) Text(text string) string {
	if s == nil {
		return text
	}
	spans := s.find([]byte(text))
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, hidden := range spans {
		b.WriteString(text[at:hidden.from])
		b.WriteString(redacted)
		at = hidden.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// Error is err with secrets hidden in what it says; it is still what it was to errors.Is and errors.As.
func (s *Secrets) Error(err error) error {
	if err == nil || s == nil {
		return err
	}
	if text := s.Text(err.Error()); text != err.Error() {
		return &redactedError{err, text}
	}
	return err
}

type redactedError struct {
	err  error
	text string
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// cleanse hides secrets in what a trial says. Its lines come from output that was cleansed already; but lines are put
// together anew, without what stood between them.
func (s *Secrets) cleanse(t *Trial) {
	if s == nil {
		return
	}
	t.Reason, t.Line = s.Text(t.Reason), s.Text(t.Line)
	for i := range t.Lines {
		t.Lines[i] = s.Text(t.Lines[i])
	}
	if tail := strings.Join(t.Tail, "\n"); s.Text(tail) != tail {
		t.Tail = strings.Split(s.Text(tail), "\n")
	}
}
