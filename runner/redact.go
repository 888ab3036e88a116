package runner

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
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
// every occurrence of a value, of its lines where it has several, and of how JSON, URLs, shells and base64 write it, the last
// behind whatever words and wherever its lines are broken. What a build encodes in any other way, or prints in parts with
// something between them, is not recognized: this keeps a secret from being published by mistake, not from code that wants to
// give it away. It does not look into artifacts.
//
// No library that we know does this to a stream for many words that may overlap, without holding output back until its end;
// runners of CI systems each have one of their own.
type Secrets struct {
	env    []string // NAME=value, sorted
	words  [][]byte // hidden as they are
	folded [][]byte // hidden also with line breaks between any two of their characters: base64
}

// NewSecrets takes values by the variables that they are given as.
func NewSecrets(values map[string]string) *Secrets {
	if len(values) == 0 {
		return nil
	}
	s := &Secrets{}
	words, folded := map[string]bool{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s.env = append(s.env, name+"="+values[name])
		for _, encodings := range [][]string{spellings(values[name]), inURLs(values[name]), inJSON(values[name]), inShells(values[name])} {
			for _, word := range encodings {
				words[word] = word != ""
			}
		}
		for _, word := range inBase64(values[name], base64.RawURLEncoding) {
			words[word] = true
		}
		for _, word := range inBase64(values[name], base64.RawStdEncoding) {
			folded[word] = true
		}
	}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		if words[word] && !folded[word] {
			s.words = append(s.words, []byte(word))
		}
	}
	for _, word := range slices.Sorted(maps.Keys(folded)) {
		s.folded = append(s.folded, []byte(word))
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

// spellings are value itself and what is left of it where it is taken apart.
func spellings(value string) []string {
	all := []string{value}
	for _, bare := range []string{strings.TrimSpace(value), strings.Join(strings.Fields(value), " ")} { // as an unquoted variable has it
		if len(bare) >= leastSecret {
			all = append(all, bare)
		}
	}
	if strings.Contains(value, "\n") {
		all = append(all, strings.ReplaceAll(value, "\n", "\r\n"))
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= leastPart {
				all = append(all, line)
			}
		}
	}
	return all
}

// inURLs are the ways in which value stands in URLs: all agree on letters and digits alone.
func inURLs(value string) []string {
	const always = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	var all []string
	for _, kept := range []string{
		"",                  // urlencode of PHP
		"*",                 // URLSearchParams, Java
		"~",                 // RFC 3986: curl, rawurlencode of PHP, Go's queries
		"~/",                // quote of Python
		"~$&+:=@",           // Go's paths
		"~!*'()",            // encodeURIComponent
		"~!*'();,/?:@&=+$#", // encodeURI
	} {
		for _, hex := range []string{"%%%02X", "%%%02x"} {
			var b strings.Builder
			for _, c := range []byte(value) {
				if strings.IndexByte(always, c) >= 0 || strings.IndexByte(kept, c) >= 0 {
					b.WriteByte(c)
				} else {
					fmt.Fprintf(&b, hex, c)
				}
			}
			all = append(all, b.String(), strings.ReplaceAll(b.String(), "%20", "+"))
		}
	}
	return all
}

// inJSON are the ways in which value stands in JSON: writers differ in what they give by number, and how.
func inJSON(value string) []string {
	const short, letters, lines = "\"\\\b\f\n\r\t", `"\bfnrt`, "\u2028\u2029"
	var all []string
	for _, numbered := range []string{
		"",                 // JavaScript, Python
		lines,              // PHP, Go without HTML
		lines + "<>&",      // Go, Rails
		lines + "<>&'=",    // Gson
		lines + `<>&'"`,    // PHP with JSON_HEX_*
		lines + "<>&'\"+`", // .NET
	} {
		for _, last := range []rune{unicode.MaxRune, '~'} { // what is behind it is given by number, too
			for _, hex := range []struct{ few, rest string }{{`\u%04x`, `\u%04x`}, {`\u%04X`, `\u%04X`}, {`\u%04X`, `\u%04x`}} { // the last is PHP
				var b strings.Builder
				for _, r := range value {
					i := strings.IndexRune(short, r)
					switch {
					case strings.ContainsRune(numbered, r):
						fmt.Fprintf(&b, hex.few, r)
					case i >= 0:
						b.WriteString(`\` + letters[i:i+1])
					case r < ' ' || r > last:
						for _, unit := range utf16.AppendRune(nil, r) {
							fmt.Fprintf(&b, hex.rest, unit)
						}
					default:
						b.WriteRune(r)
					}
				}
				all = append(all, b.String(), strings.ReplaceAll(b.String(), "/", `\/`)) // PHP
			}
		}
	}
	return all
}

// inShells are the ways in which shells quote value, in a trace or where they are asked to.
func inShells(value string) []string {
	all := []string{
		strings.ReplaceAll(value, "'", `'\''`),
		strings.ReplaceAll(value, "'", `'"'"'`),                                         // shlex of Python
		strings.Trim(regexp.MustCompile(`'+`).ReplaceAllString(value, `'"${0}"'`), "'"), // dash
		strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(value), // declare -p of bash
	}
	var q strings.Builder // printf %q
	for i, c := range []byte(value) {
		word := i == 0 || value[i-1] == '=' || value[i-1] == ':'
		if strings.IndexByte(" \t\n!\"$&'()*,;<>?[\\]^`{|}", c) >= 0 || c == '#' && i == 0 || c == '~' && word {
			q.WriteByte('\\')
		}
		q.WriteByte(c)
	}
	all = append(all, q.String())
	for _, last := range []byte{'\xff', '~'} { // $'…': in the C locale what is not ASCII is given by number, too
		const short, letters = "\a\b\t\n\v\f\r\x1b'\\", `abtnvfrE'\`
		var b strings.Builder
		for _, c := range []byte(value) {
			if i := strings.IndexByte(short, c); i >= 0 {
				b.WriteString(`\` + letters[i:i+1])
			} else if c < ' ' || c == 0x7f || c > last {
				fmt.Fprintf(&b, `\%03o`, c)
			} else {
				b.WriteByte(c)
			}
		}
		all = append(all, b.String())
	}
	return all
}

// inBase64 are the ways in which value stands in base64, without padding: with it they are found, too.
func inBase64(value string, encoding *base64.Encoding) []string {
	var all []string
	part := func(text string) {
		if len(text) >= leastPart {
			all = append(all, text)
		}
	}
	for _, text := range []string{value, value + "\n"} { // as echo has it
		whole := encoding.EncodeToString([]byte(text))
		all = append(all, whole)
		for line := range slices.Chunk([]byte(whole), 76) { // as the program of that name breaks it, and each line by itself
			part(string(line))
		}
	}
	// Behind other words, as in the header of a login, it begins at another of the three places of a group; the characters at both ends
	// stand for its neighbours, too.
	for before := range 3 {
		text := encoding.EncodeToString(append(make([]byte, before), value...))
		part(text[(before*8+5)/6 : (before+len(value))*8/6])
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
	for _, word := range s.folded {
		for at := 0; ; at++ {
			i := bytes.IndexByte(text[at:], word[0])
			if i < 0 {
				break
			}
			at += i
			if n, _ := unfold(text[at:], word); n > 0 {
				found = append(found, span{at, at + n})
			}
		}
	}
	return joined(found)
}

// unfold gives how many bytes of text make up word, be lines broken between its characters or not; 0: it does not stand there. Open
// says that it may, with what is yet to come.
func unfold(text, word []byte) (n int, open bool) {
	for i, c := range word {
		if rest := text[n:]; i > 0 && len(rest) > 0 {
			switch {
			case rest[0] == '\n':
				n++
			case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
				n += min(2, len(rest))
			}
		}
		if n == len(text) {
			return 0, true
		}
		if text[n] != c {
			return 0, false
		}
		n++
	}
	return n, false
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
	for _, word := range s.folded {
		for at := max(0, len(text)-3*len(word)+1); at < first; at++ {
			i := bytes.IndexByte(text[at:first], word[0])
			if i < 0 {
				break
			}
			at += i
			if _, open := unfold(text[at:], word); open {
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
