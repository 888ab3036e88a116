package runner

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
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

// hiddenByHand is the oracle: each byte that is part of any occurrence is marked, and each run of marks becomes one sign.
func hiddenByHand(text []byte, words [][]byte) string {
	marked := make([]bool, len(text))
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
	f.Add("aab", "aba", []byte("xxaabaabayy"), []byte{0}, 0)
	f.Add("secret", "retina", []byte("my secretina and my secretsecret sec"), []byte{2, 0, 5}, 7)
	f.Add("aaaa", "aaaaaaaa", []byte("aaaaaaaaaaabaaa"), []byte{1}, 3)
	f.Add("abcabcabd", "cabd", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("abc", "cabd", []byte("abcabcabcabdabcabcab"), []byte{3, 1}, 11)
	f.Add("\n\n\n\n", "\x00\xff", []byte("\n\n\n\n\n\x00\xff\n"), []byte{}, 2)
	f.Fuzz(func(t *testing.T, one, other string, text, cuts []byte, flushAt int) {
		s := &Secrets{}
		for _, word := range []string{one, other} {
			if word != "" {
				s.words = append(s.words, []byte(word))
			}
		}
		longest := max(len(one), len(other))
		want := hiddenByHand(text, s.words)

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
		if !strings.HasPrefix(first, hiddenByHand(text[:at], s.words)) {
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
	})
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
