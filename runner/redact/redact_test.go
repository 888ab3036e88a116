package redact

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
	"unicode/utf8"

	"buildbisect/runner/backend"
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

// byHand is a pattern for w, from lists of what writers write for each of its characters.
func byHand(w word) *regexp.Regexp {
	entities := map[rune]string{'"': "quot|QUOT", '\'': "apos", '\\': "bsol", '%': "percnt", '&': "amp|AMP", '/': "sol", '\n': "NewLine", 'é': "eacute"}
	number := func(n rune) []string {
		x := func(digits int) string { return fmt.Sprintf("(?i:%0*x)", digits, n) }
		all := []string{`\\x` + x(1), `\\x\{0{0,6}` + x(2) + `\}`, `\\[uU]\{0{0,6}` + x(2) + `\}`, `\\[uU]0{0,2}` + x(2), `\\U0{3,6}` + x(2), `\\0{0,4}` + x(2) + ` ?`,
			`&#0*` + fmt.Sprint(n) + ";", `&#[xX]0*` + x(1) + ";", `%(?:25){0,3}u0{0,2}` + x(2)}
		if n < 16 {
			all = append(all, `\\x0`+x(1), `\\0{0,5}`+x(1)+` ?`, `\\u0{0,3}`+x(1), `\\U0{0,7}`+x(1), `\\[xuU]\{0{0,7}`+x(1)+`\}`, `%(?:25){0,3}u0{0,3}`+x(1))
		}
		if n < 256 {
			all = append(all, `%(?:25){0,3}`+x(2), fmt.Sprintf(`\\0{0,1}%03o`, n), fmt.Sprintf(`\\%o`, n), fmt.Sprintf(`\\0?%02o`, n), fmt.Sprintf(`\\%03d`, n))
		}
		return all
	}
	const gap = "(?:['\"$`^\\\\]|[\\\\=]\\r?\\n|['\"][ +.&\\\\\\r\\t]*\\n[ +.&\\\\\\r\\n\\t]*['\"]"
	var parts []string
	for i := 0; i < len(w.text); {
		r, size := utf8.DecodeRuneInString(w.text[i:])
		one := []string{regexp.QuoteMeta(latin1(w.text[i : i+size]))}
		if !w.coded || !isAlphanumeric(w.text[i]) {
			one = append(one, number(r)...)
			if names := entities[r]; names != "" {
				one = append(one, "&(?:"+names+");")
			}
			if at := strings.IndexRune("\a\b\t\n\v\f\r", r); at >= 0 {
				one = append(one, `\\`+"abtnvfr"[at:at+1])
			}
			if r < ' ' {
				one = append(one, regexp.QuoteMeta("^"+string(r^0x40)), `\\c[`+regexp.QuoteMeta(string(r|0x40)+string(r|0x60))+"]")
			}
			if size == 1 && !isAlphanumeric(w.text[i]) {
				one = append(one, `\\`+regexp.QuoteMeta(string(r)), fmt.Sprintf("=(?i:%02x)", r))
			}
			if size > 1 { // byte for byte
				var all []string
				for _, c := range []byte(string(r)) {
					low := rune(c & 0x7f)
					m := regexp.QuoteMeta("M-" + string(low))
					if low < ' ' {
						m = regexp.QuoteMeta("M-^" + string(low^0x40))
					}
					all = append(all, "(?:"+strings.Join(append(number(rune(c)), latin1(string([]byte{c})), `\\`+latin1(string([]byte{c})), fmt.Sprintf("=(?i:%02x)", c), m), "|")+")")
				}
				one = append(one, strings.Join(all, "GAP"))
			}
			switch r {
			case ' ':
				one = append(one, `\+`)
			case '\n':
				one = append(one, `\r\n`)
			case '%':
				one = append(one, `%(?:25){1,3}`)
			}
		}
		part := "(?:" + strings.Join(one, "|") + ")"
		if i += size; i < len(w.text) {
			part += "GAP"
		}
		if r == '\n' {
			part = strings.ReplaceAll(part, "GAP", gap+"|[ \t])*")
		}
		parts = append(parts, part)
	}
	between := gap + ")*"
	if w.coded {
		between = gap + "|\\r?\\n|[ :])*"
	}
	pattern := regexp.MustCompile(`\A` + strings.ReplaceAll(strings.Join(parts, ""), "GAP", between))
	pattern.Longest()
	return pattern
}

// latin1 makes a character of each byte: patterns know no bytes.
func latin1(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// hiddenByHand is the oracle: each byte that is part of any occurrence is marked, and each run of marks
// becomes one sign.
func hiddenByHand(text []byte, words []word) string {
	marked := make([]bool, len(text))
	for _, w := range words {
		pattern := byHand(w)
		for at := range text {
			for i := range utf8.RuneCountInString(pattern.FindString(latin1(string(text[at:])))) {
				marked[at+i] = true
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

// hiding has secrets of which these words are to be hidden.
func hiding(words ...word) *Secrets {
	s := &Secrets{}
	for _, w := range words {
		if w.text != "" {
			s.add(w)
		}
	}
	return s
}

// plainly makes text of characters that the oracle knows.
func plainly(text string) string {
	const known = "aabcdefx01\n '\"\\%&/é"
	var b strings.Builder
	for _, r := range text {
		if !strings.ContainsRune(known, r) {
			r = []rune(known)[int(r)%utf8.RuneCountInString(known)]
		}
		b.WriteRune(r)
	}
	return b.String()
}

// FuzzRedact: however a stream is cut, what comes out is what the oracle says; what may be shown is not held
// back for long; and flushing in between never lets a secret through.
func FuzzRedact(f *testing.F) {
	f.Add("aab", "aba", "", []byte("xxaabaabayy"), []byte{0}, 0)
	f.Add("bad", "dead", "", []byte("a bad fadea da dead dea"), []byte{2, 0, 5}, 7)
	f.Add("aaaa", "aaaaaaaa", "", []byte("aaaaaaaaaaabaaa"), []byte{1}, 3)
	f.Add("abcabcabd", "cabd", "", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("abc", "cabd", "", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("\n\n\n\n", "a%2f", "", []byte("\n\n\r\n\n\n^J\\n\\\\n\\012\n a%25252f a%25%32f &#97;%2f"), []byte{}, 2)
	f.Add("é'a", "a b", "abcab", []byte("abcab\nab\r\nca\nb\na\n\nbcab %C3%a9'\\''a \\u00e9\\'a a+b M-CM-)'a =c3=A9=\n'a &eacute;&apos;a"), []byte{0}, 9)
	f.Add("", "", "aab", []byte("a\na\r\na\nb\r\n\raa\rb"), []byte{1, 0}, 6)
	f.Add("a b\n'", `"&\`, "", []byte("'a ' +\n  'b\\x0a\\x{27} $'a b\\n\\'' \\\"\\u0026\\\\ &quot;&amp;\\134"), []byte{0}, 9)
	f.Fuzz(func(t *testing.T, one, other, coded string, text, cuts []byte, flushAt int) {
		if len(text) > 400 || len(one)+len(other)+len(coded) > 60 {
			return // the oracle is slow
		}
		if regexp.MustCompile(fmt.Sprintf(`[^a-zA-Z0-9]{%d}`, mostGaps)).Match(text) {
			return // it knows no end of gaps
		}
		s := hiding(word{text: plainly(one)}, word{text: plainly(other)}, word{regexp.MustCompile(`[^0-9A-Za-z+/]`).ReplaceAllString(coded, ""), true})
		want := hiddenByHand(text, s.words)

		var out bytes.Buffer
		stream := s.Writer(&out)
		cut(stream, text, cuts)
		longest := max(len(plainly(one)), len(plainly(other)), len(coded)) * longestEscape * (mostGaps + 1)
		if held := len(stream.text); held > longest {
			t.Fatalf("%d bytes are held back, of secrets of at most %d", held, longest)
		}
		stream.Flush()
		if got := out.String(); got != want {
			t.Fatalf("%q of %v cut at %v: %q, want %q", text, s.words, cuts, got, want)
		}
		if got := s.Text(string(text)); got != want {
			t.Fatalf("%q at once: %q, want %q", text, got, want)
		}

		// A flush shows the beginning of what may become a secret, and no more of it.
		out.Reset()
		stream = s.Writer(&out)
		at := 0
		if len(text) > 0 {
			at = max(flushAt, 0) % len(text)
		}
		cut(stream, text[:at], cuts)
		stream.Flush()
		first := out.String()
		cut(stream, text[at:], cuts)
		stream.Flush()
		if !strings.HasPrefix(first, hiddenByHand(text[:at], s.words)) {
			t.Fatalf("%q at the flush, of %q", first, text[:at])
		}
		for _, w := range s.words {
			if strings.Contains(out.String(), w.text) {
				t.Fatalf("%q is whole in %q, flushed after %d", w.text, out.String(), at)
			}
		}
	})
}

// streamed is what comes out of a stream that is cut after every n bytes.
func streamed(s *Secrets, text string, n byte) string {
	var out bytes.Buffer
	stream := s.Writer(&out)
	cut(stream, []byte(text), []byte{n - 1})
	stream.Flush()
	return out.String()
}

func TestASecretIsFoundAsProgramsEncodeIt(t *testing.T) {
	const value = "aé~b /c'd\"e$f`g\\h<i>j&k;l,m?n:~o@p=q+r#s*t!u(v)w''x{y}z|^[0]"
	s := New(map[string]string{"TOKEN": value})
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
		s := New(map[string]string{"TOKEN": value})
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
	s := New(map[string]string{"TOKEN": value})
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
	s = New(map[string]string{"KEY": long})
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(long+"\n"))), 76) {
		if got := s.Text(string(line)); len(line) >= leastPart && strings.Trim(got, "=") != redacted {
			t.Errorf("a line of base64: %q", got)
		}
	}
}

func TestNothingIsHiddenWithoutSecrets(t *testing.T) {
	var none *Secrets
	var out bytes.Buffer
	stream := none.Writer(&out)
	io.WriteString(stream, "plain")
	stream.Flush()
	if New(nil) != nil || none.Env() != nil || none.Text("a") != "a" || none.Error(io.EOF) != io.EOF || out.String() != "plain" {
		t.Errorf("%q", out.String())
	}
}

func TestAnErrorStaysWhatItIsWithItsSecretHidden(t *testing.T) {
	s := New(map[string]string{"TOKEN": "hunter22"})
	err := s.Error(fmt.Errorf("env TOKEN=hunter22: %w: %w", backend.ErrInfrastructure, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}))
	path, ok := errors.AsType[*fs.PathError](err)
	if err.Error() != "env TOKEN=***: infrastructure: open x: file does not exist" || !errors.Is(err, backend.ErrInfrastructure) || !ok || path.Path != "x" {
		t.Errorf("%v", err)
	}
	if text := fmt.Errorf("trial 1: %w", err).Error(); strings.Contains(text, "hunter22") {
		t.Error(text)
	}
}

func TestWhatCannotBeASecretIsShownAtOnce(t *testing.T) {
	var out bytes.Buffer
	stream := New(map[string]string{"TOKEN": "hunter22"}).Writer(&out)
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

func BenchmarkRedaction(b *testing.B) {
	block := bytes.Repeat([]byte("0123456789 a line as builds print them by the thousand\n"), 32<<10/55)
	for _, n := range []int{0, 1, 5} {
		b.Run(fmt.Sprint(n, " secrets"), func(b *testing.B) {
			values := map[string]string{}
			for i := range n {
				values[fmt.Sprint("TOKEN", i)] = fmt.Sprintf("%d-glpat-%x", i, time.Unix(0, int64(i)))
			}
			stream := New(values).Writer(io.Discard)
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				stream.Write(block)
			}
		})
	}
}
