package redact

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

const (
	// redacted stands for a secret.
	redacted = "***"
	// leastPart is the length in bytes from which a part of a secret is hidden by itself. A shorter line of a
	// key file, such as a brace, is no secret.
	leastPart = 8
	// leastSecret is the least length of a whole one in bytes: scenarios refuse shorter ones.
	leastSecret = 4
)

// Secrets are what a build is given and nobody else is to read. A nil *Secrets has none.
//
// The output of a build is redacted before it is matched, kept, or shown. Hidden is every occurrence of a
// value, of each of its lines, and of its base64 and hexadecimal forms, also behind other words and with line
// breaks. Each character matches as itself or as any of its escapes, and quotes may end and begin between two
// of them: see readEscaped and gap. So no writer of JSON, URLs, XML or shell words needs to be known. What a
// build encodes in any other way, or prints in parts with something between them, is not recognized: this
// keeps a secret from being published by mistake, not from code that wants to give it away. It does not look
// into artifacts.
//
// No library that we know does this to a stream for many words that may overlap, without holding output back
// until its end; runners of CI systems each have one of their own.
type Secrets struct {
	env   []string // NAME=value, sorted
	words []word
	first [256][]int // for each byte the words that may begin with it, escaped or not
}

// word is something to hide.
type word struct {
	text  string
	coded bool // base64 or hexadecimal: lines may be broken between any two characters
}

// New takes values by the variables that they are given as.
func New(values map[string]string) *Secrets {
	if len(values) == 0 {
		return nil
	}
	s := &Secrets{}
	words := map[word]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		s.env = append(s.env, name+"="+value)
		for _, text := range spellings(value) {
			words[word{text: text}] = true
		}
		digits := hex.EncodeToString([]byte(value))
		coded := append(inBase64(value), digits, strings.ToUpper(digits))
		for _, text := range coded {
			words[word{text, true}] = true
		}
	}
	for w := range words {
		if w.text != "" {
			s.add(w)
		}
	}
	return s
}

func (s *Secrets) add(w word) {
	for c := range s.first {
		if stands, more := w.readEscaped([]byte{byte(c)}, 0); more || stands != 0 {
			s.first[c] = append(s.first[c], len(s.words))
		}
	}
	s.words = append(s.words, w)
}

// readEscaped is the function of that name at a place of the word. Nobody escapes the letters and digits of a
// coded one.
func (w *word) readEscaped(text []byte, read int) (stands uint8, more bool) {
	if c := w.text[read]; w.coded && isAlphanumeric(c) {
		if text[0] == c && len(text) == 1 {
			stands = 1 << 1
		}
		return stands, false
	}
	return readEscaped(text, w.text[read:])
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
	for _, bare := range []string{
		strings.TrimSpace(value),
		strings.Join(strings.Fields(value), " "),                         // as an unquoted variable has it
		strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(value), // as parsers of URLs have it
	} {
		if len(bare) >= leastSecret {
			all = append(all, bare)
		}
	}
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= leastPart {
				all = append(all, line)
			}
		}
	}
	return all
}

// inBase64 are the forms of value in base64, without padding: with it they are found, too.
func inBase64(value string) []string {
	var all []string
	part := func(text string) {
		if len(text) >= leastPart {
			all = append(all, text)
		}
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, text := range []string{value, value + "\n"} { // as echo has it
			whole := encoding.EncodeToString([]byte(text))
			all = append(all, whole)
			for line := range slices.Chunk([]byte(whole), 76) { // as the program of that name breaks it, and each line by itself
				part(string(line))
			}
		}
		// Behind other words, as in the header of a login, it begins at another of the three places of a
		// group. The characters at both ends stand for its neighbours, too.
		for before := range 3 {
			text := encoding.EncodeToString(append(make([]byte, before), value...))
			part(text[(before*8+5)/6 : (before+len(value))*8/6])
		}
	}
	return all
}

// Text is text with secrets hidden.
func (s *Secrets) Text(text string) string {
	if s == nil {
		return text
	}
	var b strings.Builder
	stream := s.Writer(&b)
	_, _ = stream.Write([]byte(text)) // a Builder has no errors
	_ = stream.Flush()
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
