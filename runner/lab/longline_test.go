package lab

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"buildbisect/runner/redact"
)

// TestASignatureIsFoundWhereverItStandsInALine has lines of every kind that a build prints without ending
// them for long.
func TestASignatureIsFoundWhereverItStandsInALine(t *testing.T) {
	dots := strings.Repeat(".", 3*longestLine)
	bar := func(end string) string { return strings.Repeat("\r 50 % [=====>     ]", 20000) + end }
	for name, c := range map[string]struct{ text, pattern, shows string }{
		"behind 64 KiB":                    {dots + "unknown flag: --platform and more", `unknown flag: --\w+`, "unknown flag: --platform and more"},
		"across the limit":                 {dots[:longestLine-5] + "unknown flag" + dots, "unknown flag", "unknown flag"},
		"at the very end":                  {dots + "error: last", `error: last$`, "error: last"},
		"the beginning of a long line":     {"error: first" + dots, `^error: first`, "error: first"},
		"both ends of a long line":         {"begin" + dots + "end", `^begin\.*end$`, "end"},
		"no ^ within a long line":          {dots + "error", `^error`, ""},
		"no $ within a long line":          {"error" + dots, `error$`, ""},
		"no end of it but that of output":  {dots + "x\n" + dots + "error: two", `error: two$`, "error: two"},
		"overwritten by a progress bar":    {bar("\rerror: no space\r100 %  \n"), `^error: no space$`, "error: no space"},
		"a line feed after the return":     {dots + "error: crlf\r\nnext\r\n", `error: crlf$`, "error: crlf"},
		"with colours":                     {dots + "\x1b[31mer\x1b[0mror:\x1b[1m red\x1b[0m" + dots, `error: red\.`, "error: red."},
		"with colours from end to end":     {strings.Repeat("\x1b[32m.\x1b[0m", longestLine) + "\x1b[31merr\x1b[1mor\x1b[0m", `error$`, "error"},
		"a link that never ends its title": {dots + "\x1b]8;;https://example.org/✓\x07error\x1b]8;;\x1b\\: link", `error: link`, "error: link"},
		"among NULs":                       {strings.Repeat("\x00", 2*longestLine) + "error\x00: nul", `error.: nul`, "error␀: nul"},
		"among bytes of another encoding":  {strings.Repeat("\xe9\x93\xff", longestLine) + "\xe9error: caf\xe9", `error: caf.$`, "error: caf�"},
		"a colour behind another encoding": {"caf\xe9\x1b[31m error\x1b[0m: short", `caf. error: short`, "error: short"},
		"far into a line that is held":     {dots[:longestLine/2] + "error: held" + dots[:1000], `error: held`, "error: held"},
		"longer than what is shown":        {dots + strings.Repeat("e", 3*longestLine) + "end", `\.e+end`, "end"},
	} {
		pattern := regexp.MustCompile(c.pattern)
		for _, size := range []int{len(c.text), 32 << 10, 7} {
			o := &output{log: io.Discard, pattern: pattern}
			for piece := range slices.Chunk([]byte(c.text), size) {
				if _, err := o.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			o.endLine()
			switch {
			case o.matched != (c.shows != ""):
				t.Errorf("%s, in pieces of %d: matched is %v", name, size, o.matched)
			case o.matched && (!strings.Contains(o.matches[0], c.shows) || len(o.matches[0]) > tailWidth+10):
				t.Errorf("%s, in pieces of %d: %q is shown, want %q in it", name, size, o.matches[0], c.shows)
			}
			if cap(o.line) > 2*longestLine {
				t.Errorf("%s: %d bytes are held", name, cap(o.line))
			}
		}
	}
}

// TestALineOf100MBIsNeverHeld counts what the whole matching allocates.
func TestALineOf100MBIsNeverHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("matches 100 MB")
	}
	var before, after runtime.MemStats
	o := &output{log: io.Discard, pattern: regexp.MustCompile(`error: at last$`)}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	runtime.ReadMemStats(&before)
	for range 100 {
		o.Write(piece)
	}
	fmt.Fprint(o, "error: at last")
	o.endLine()
	runtime.ReadMemStats(&after)
	if !o.matched || !strings.HasSuffix(o.matches[0], "error: at last") {
		t.Errorf("matches: %q", o.matches)
	}
	if held := int64(after.HeapInuse) - int64(before.HeapInuse); held > 8<<20 {
		t.Errorf("%d bytes more are in use", held)
	}
}

// TestASecretInALongLineStaysHidden where a colour kept it from being seen before.
func TestASecretInALongLineStaysHidden(t *testing.T) {
	secrets := redact.New(map[string]string{"TOKEN": "hunter22hunter22"})
	o := &output{log: io.Discard, secrets: secrets, pattern: regexp.MustCompile(`error: .*`)}
	hide := secrets.Writer(o)
	fmt.Fprint(hide, strings.Repeat(".", longestLine+100), "error: hunter22\x1b[1mhunter22 is wrong")
	if err := hide.Flush(); err != nil {
		t.Fatal(err)
	}
	o.endLine()
	if !o.matched || strings.Contains(o.matches[0], "hunter22") || !strings.Contains(o.matches[0], "error: *** is wrong") {
		t.Errorf("matches: %q", o.matches)
	}
}

// TestEscapesAreTakenOutAsTheLibraryDoes compares with ansi.Strip, which needs the whole text, where both
// mean the same: in ASCII.
func TestEscapesAreTakenOutAsTheLibraryDoes(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	words := []string{"\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b(B", "\x1b\\", "\x07", "\x18", "\x1b", "31m", "0;1", "?25h", ";", "text", " ", "K", "\t", "\b", "~", "@", "[", "]"}
	for n := range 20000 {
		text := ""
		for range rnd.IntN(12) {
			text += words[rnd.IntN(len(words))]
		}
		var e escapes
		var got []byte
		for _, b := range []byte(text) {
			got = e.strip(got, []byte{b})
		}
		if got = e.end(got); string(got) != ansi.Strip(text) {
			t.Fatalf("seed %d, text %d, %q: got %q, want %q", seed, n, text, got, ansi.Strip(text))
		}
	}
}

// BenchmarkLongLine prints how much longer a byte of an endless line takes than one of short lines.
func BenchmarkLongLine(b *testing.B) {
	pattern := regexp.MustCompile(`(unknown|other) flag: --\w+$`)
	run := func(text []byte) func(*testing.B) {
		return func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				o := &output{log: io.Discard, pattern: pattern}
				o.Write(text)
				o.endLine()
			}
		}
	}
	b.Run("short", run(bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 1<<14)))
	b.Run("long", run(bytes.Repeat([]byte("x"), 100<<14)))
}
