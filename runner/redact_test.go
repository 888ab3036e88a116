package runner

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// cut passes text to w in pieces whose lengths are the bytes of cuts, over and over.
func cut(w io.Writer, text []byte, cuts []byte) {
	for i := 0; len(text) > 0; i++ {
		n := len(text)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		w.Write(text[:n])
		text = text[n:]
	}
}

// foldedByHand is a pattern for words in which lines may be broken.
func foldedByHand(words [][]byte) (all []*regexp.Regexp) {
	for _, word := range words {
		var parts []string
		for _, c := range word {
			parts = append(parts, regexp.QuoteMeta(string(rune(c))))
		}
		all = append(all, regexp.MustCompile(`\A`+strings.Join(parts, `(?:\r?\n)?`)))
	}
	return all
}

// hiddenByHand is the oracle: each byte that is part of any occurrence is marked, and each run of marks becomes one sign.
func hiddenByHand(text []byte, words, folded [][]byte) string {
	marked := make([]bool, len(text))
	for _, pattern := range foldedByHand(folded) {
		for at := range text {
			for i := range len(pattern.Find(text[at:])) {
				marked[at+i] = true
			}
		}
	}
	for at := range text {
		for _, word := range words {
			if bytes.HasPrefix(text[at:], word) {
				for i := range word {
					marked[at+i] = true
				}
			}
		}
	}
	var out []byte
	for i, c := range text {
		switch {
		case !marked[i]:
			out = append(out, c)
		case i == 0 || !marked[i-1]:
			out = append(out, redacted...)
		}
	}
	return string(out)
}

// FuzzRedact: however a stream is cut, what comes out is what the oracle says; nothing that may be shown is held back longer
// than the longest secret; and flushing in between never lets one through.
func FuzzRedact(f *testing.F) {
	f.Add("aab", "aba", "", []byte("xxaabaabayy"), []byte{0}, 0)
	f.Add("secret", "retina", "", []byte("my secretina and my secretsecret sec"), []byte{2, 0, 5}, 7)
	f.Add("aaaa", "aaaaaaaa", "", []byte("aaaaaaaaaaabaaa"), []byte{1}, 3)
	f.Add("abcabcabd", "cabd", "", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("abc", "cabd", "", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("\n\n\n\n", "\x00\xff", "", []byte("\n\n\n\n\n\x00\xff\n"), []byte{}, 2)
	f.Add("\nc", "b\r", "abcab", []byte("abcab\nab\r\nca\nb\na\n\nbcab a\r\nb\nc\r\na\r\nb\na\rbcab\r\na"), []byte{0}, 9)
	f.Add("", "", "aab", []byte("a\na\r\na\nb\r\n\raa\rb"), []byte{1, 0}, 6)
	f.Fuzz(func(t *testing.T, one, other, folded string, text, cuts []byte, flushAt int) {
		s := &Secrets{}
		for _, word := range []string{one, other} {
			if word != "" {
				s.words = append(s.words, []byte(word))
			}
		}
		if word := regexp.MustCompile(`[^0-9A-Za-z+/]`).ReplaceAllString(folded, ""); word != "" {
			s.folded = [][]byte{[]byte(word)}
		}
		longest := max(len(one), len(other), 3*len(folded))
		want := hiddenByHand(text, s.words, s.folded)

		var out bytes.Buffer
		stream := &redaction{secrets: s, w: &out}
		cut(stream, text, cuts)
		if held := len(stream.text); held >= max(longest, 1) {
			t.Fatalf("%d bytes are held back, of secrets of at most %d", held, longest)
		}
		stream.Flush()
		if got := out.String(); got != want {
			t.Fatalf("%q cut at %v: %q, want %q", text, cuts, got, want)
		}
		if got := s.Text(string(text)); got != want {
			t.Fatalf("%q at once: %q, want %q", text, got, want)
		}

		// A flush shows the beginning of what may become a secret, and no more of it.
		out.Reset()
		stream = &redaction{secrets: s, w: &out}
		at := 0
		if len(text) > 0 {
			at = max(flushAt, 0) % len(text)
		}
		cut(stream, text[:at], cuts)
		stream.Flush()
		first := out.String()
		cut(stream, text[at:], cuts)
		stream.Flush()
		if !strings.HasPrefix(first, hiddenByHand(text[:at], s.words, s.folded)) {
			t.Fatalf("%q at the flush, of %q", first, text[:at])
		}
		if strings.ContainsAny(one+other, "*") {
			return // our own sign may make up one
		}
		for _, word := range s.words {
			if bytes.Contains(out.Bytes(), word) {
				t.Fatalf("%q is whole in %q, flushed after %d", word, out.String(), at)
			}
		}
		for _, word := range s.folded {
			if bytes.Contains(out.Bytes(), word) {
				t.Fatalf("%q is whole in %q, flushed after %d", word, out.String(), at)
			}
		}
	})
}

// streamed is what comes out of a stream that is cut after every n bytes.
func streamed(s *Secrets, text string, n byte) string {
	var out bytes.Buffer
	stream := &redaction{secrets: s, w: &out}
	cut(stream, []byte(text), []byte{n - 1})
	stream.Flush()
	return out.String()
}

func TestASecretIsFoundAsProgramsEncodeIt(t *testing.T) {
	const value = "aé~b /c'd\"e$f`g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w''x{y}z|^[0]"
	s := NewSecrets(map[string]string{"TOKEN": value})
	// Each is what the program printed, but for the paddings that stand around it.
	for what, text := range map[string]string{
		"encodeURIComponent":      `a%C3%A9~b%20%2Fc'd%22e%24f%60g%5Ch%3Ci%3Ej%26k%3Bl%2Cm%3Fn%3A~o%40p%3Dq%2Br%23s*t!u(v)w''x%7By%7Dz%7C%5E%5B0%5D`,
		"encodeURI":               `a%C3%A9~b%20/c'd%22e$f%60g%5Ch%3Ci%3Ej&k;l,m?n:~o@p=q+r#s*t!u(v)w''x%7By%7Dz%7C%5E%5B0%5D`,
		"quote of Python":         `a%C3%A9~b%20/c%27d%22e%24f%60g%5Ch%3Ci%3Ej%26k%3Bl%2Cm%3Fn%3A~o%40p%3Dq%2Br%23s%2At%21u%28v%29w%27%27x%7By%7Dz%7C%5E%5B0%5D`,
		"lower-case hex":          `a%c3%a9~b%20%2fc%27d%22e%24f%60g%5ch%3ci%3ej%26k%3bl%2cm%3fn%3a~o%40p%3dq%2br%23s%2at%21u%28v%29w%27%27x%7by%7dz%7c%5e%5b0%5d`,
		"URLSearchParams":         `a%C3%A9%7Eb+%2Fc%27d%22e%24f%60g%5Ch%3Ci%3Ej%26k%3Bl%2Cm%3Fn%3A%7Eo%40p%3Dq%2Br%23s*t%21u%28v%29w%27%27x%7By%7Dz%7C%5E%5B0%5D`,
		"printf %q":               `aé~b\ /c\'d\"e\$f\` + "`" + `g\\h\<i\>j\&k\;l\,m\?n:\~o@p=q+r#s\*t\!u\(v\)w\'\'x\{y\}z\|\^\[0\]`,
		"printf %q, C locale":     `a\303\251~b /c\'d"e$f` + "`" + `g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w\'\'x{y}z|^[0]`,
		"declare -p":              `aé~b /c'd\"e\$f\` + "`" + `g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w''x{y}z|^[0]`,
		"export -p of dash":       `aé~b /c'"'"'d"e$f` + "`" + `g\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w'"''"'x{y}z|^[0]`,
		"json_encode":             `aé~b \/c'd\"e$f` + "`" + `g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w''x{y}z|^[0]`,
		"json_encode, ASCII":      `a\u00e9~b \/c'd\"e$f` + "`" + `g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w''x{y}z|^[0]`,
		"json_encode, JSON_HEX_*": `a\u00e9~b \/c\u0027d\u0022e$f` + "`" + `g\\h\u003Ci\u003Ej\u0026k;l,m?n:~o@p=q+r#s*t!u(v)w\u0027\u0027x{y}z|^[0]`,
		"JSON, all in capitals":   `a\u00E9~b /c\u0027d\u0022e$f` + "`" + `g\\h\u003Ci\u003Ej\u0026k;l,m?n:~o@p=q+r#s*t!u(v)w\u0027\u0027x{y}z|^[0]`,
		"JSON, all in small":      `a\u00e9~b /c\u0027d\u0022e$f` + "`" + `g\\h\u003ci\u003ej\u0026k;l,m?n:~o@p=q+r#s*t!u(v)w\u0027\u0027x{y}z|^[0]`,
	} {
		for _, n := range []byte{1, 7, 255} {
			if got := streamed(s, "("+text+")\n", n); got != "("+redacted+")\n" {
				t.Errorf("%s, in pieces of %d: %q", what, n, got)
			}
		}
	}
}

func TestASecretIsFoundInBase64ThatIsBroken(t *testing.T) {
	for _, value := range []string{"correct-horse-battery", strings.Repeat("a long key, of many lines ", 12)} {
		s := NewSecrets(map[string]string{"TOKEN": value})
		for before := range 80 {
			for _, width := range []int{64, 76} {
				for _, end := range []string{"\n", "\r\n"} {
					clear := strings.Repeat("#", before) + value + "####"
					var lines []string
					for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(clear))), width) {
						lines = append(lines, string(line))
					}
					got := streamed(s, strings.Join(lines, end)+end, 13)
					// What is left holds no whole byte of it: one character stands for the neighbours, too.
					head, tail, hidden := strings.Cut(strings.NewReplacer("\r", "", "\n", "").Replace(got), redacted)
					plain := base64.StdEncoding.EncodeToString([]byte(clear))
					if !hidden || len(head) > (before*8+5)/6 || !strings.HasPrefix(plain, head) || len(tail) > 8 {
						t.Fatalf("%d before, lines of %d that end in %q: %q", before, width, end, got)
					}
				}
			}
		}
	}
}

func TestASecretIsFoundAsOthersWriteIt(t *testing.T) {
	const value = "p&ss <wörd>'\"/+\\\n-----line of a key----- "
	s := NewSecrets(map[string]string{"TOKEN": value})
	for what, text := range map[string]string{
		"itself":                 value,
		"with carriage returns":  strings.ReplaceAll(value, "\n", "\r\n"),
		"one of its lines":       "-----line of a key-----",
		"JSON":                   `"p\u0026ss \u003cwörd\u003e'\"/+\\\n-----line of a key----- "`,
		"JSON, HTML left alone":  `"p&ss <wörd>'\"/+\\\n-----line of a key----- "`,
		"a query":                url.QueryEscape(value),
		"a path":                 url.PathEscape(value),
		"base64":                 base64.StdEncoding.EncodeToString([]byte(value)),
		"base64 for URLs":        base64.URLEncoding.EncodeToString([]byte(value)),
		"base64 of echo's words": base64.StdEncoding.EncodeToString([]byte(value + "\n")),
		"a shell's trace":        `'` + strings.ReplaceAll(value, "'", `'\''`) + `'`,
	} {
		got := s.Text("<" + text + ">")
		if !strings.Contains(got, redacted) || strings.Contains(got, "ss ") || strings.Contains(got, "line of") || len(got) > 12 {
			t.Errorf("%s: %q", what, got)
		}
	}
	long := strings.Repeat("0123456789abcdef", 20)
	s = NewSecrets(map[string]string{"KEY": long})
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(long+"\n"))), 76) {
		if got := s.Text(string(line)); len(line) >= leastPart && strings.Trim(got, "=") != redacted {
			t.Errorf("a line of base64: %q", got)
		}
	}
}

func TestNothingIsHiddenWithoutSecrets(t *testing.T) {
	var none *Secrets
	var out bytes.Buffer
	stream := &redaction{secrets: none, w: &out}
	io.WriteString(stream, "plain")
	stream.Flush()
	if NewSecrets(nil) != nil || none.Env() != nil || none.Text("a") != "a" || none.Error(io.EOF) != io.EOF || out.String() != "plain" {
		t.Errorf("%q", out.String())
	}
	none.cleanse(&Trial{})
}

func TestAnErrorStaysWhatItIsWithItsSecretHidden(t *testing.T) {
	s := NewSecrets(map[string]string{"TOKEN": "hunter22"})
	err := s.Error(fmt.Errorf("env TOKEN=hunter22: %w: %w", ErrInfrastructure, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}))
	path, ok := errors.AsType[*fs.PathError](err)
	if err.Error() != "env TOKEN=***: infrastructure: open x: file does not exist" || !errors.Is(err, ErrInfrastructure) || !ok || path.Path != "x" {
		t.Errorf("%v", err)
	}
	if text := fmt.Errorf("trial 1: %w", err).Error(); strings.Contains(text, "hunter22") {
		t.Error(text)
	}
}

func TestWhatCannotBeASecretIsShownAtOnce(t *testing.T) {
	var out bytes.Buffer
	stream := &redaction{secrets: NewSecrets(map[string]string{"TOKEN": "hunter22"}), w: &out}
	for _, step := range []struct{ write, shown string }{
		{"compiling h", "compiling "},
		{"unter", "compiling "},
		{"s\n", "compiling hunters\n"},
		{"hunter2", "compiling hunters\n"},
		{"2", "compiling hunters\n***"},
		{"hunter22!", "compiling hunters\n***!"},
	} {
		if io.WriteString(stream, step.write); out.String() != step.shown {
			t.Errorf("after %q: %q, want %q", step.write, out.String(), step.shown)
		}
	}
}

func TestLinesPutTogetherAnewHideASecretOfSeveralLines(t *testing.T) {
	s := NewSecrets(map[string]string{"TOKEN": "one\ntwo"})
	trial := Trial{Judgement: Judgement{Reason: "fails: one\ntwo", Line: "one\ntwo"}, Tail: []string{"a", "one", "two", "b"}, Lines: []string{"one\ntwo"}}
	s.cleanse(&trial)
	if trial.Reason != "fails: ***" || trial.Line != redacted || trial.Lines[0] != redacted || strings.Join(trial.Tail, "|") != "a|***|b" {
		t.Errorf("%+v", trial)
	}
}

func BenchmarkRedaction(b *testing.B) {
	block := bytes.Repeat([]byte("0123456789 a line as builds print them by the thousand\n"), 32<<10/55)
	for _, n := range []int{0, 1, 5} {
		b.Run(fmt.Sprint(n, " secrets"), func(b *testing.B) {
			values := map[string]string{}
			for i := range n {
				values[fmt.Sprint("TOKEN", i)] = fmt.Sprintf("%d-glpat-%x", i, time.Unix(0, int64(i)))
			}
			stream := &redaction{secrets: NewSecrets(values), w: io.Discard}
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				stream.Write(block)
			}
		})
	}
}
