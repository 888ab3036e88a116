package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"buildbisect/scenarios/document"
)

func TestTextsThatAreNotYAMLAreRefusedAtTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "x:1:1: the file is empty"},
		{"blank", " \n\n", "x:1:1: the file is empty"},
		{"latin 1", "version: 1\nabout: caf\xe9 au lait\n", "x:2:11: byte 0xe9 is not UTF-8"},
		{"UTF-16", "\xff\xfev\x00", "x:1:1: byte 0xff is not UTF-8"},
		{"control", "version: 1\nname: a\x1b[31m\n", "x:2:1: here, or in what starts here, the file is not YAML: control characters"},
		{"large", strings.Repeat("# comment\n", 30_000), "x:1:1: the file has more than 256 KiB"},
		{"NUL", least + "about: \"a\\0b\"\n", "x:6:8: about: holds a NUL"},
		{"second", least + "---\na: [\n", "x:7:1: here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode("x", []byte(c.text), fstest.MapFS{"h.fi": {}}, "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x00\x1b") {
				t.Errorf("the error passes control characters on: %q", err)
			}
		})
	}
}

func TestByteOrderMarkMovesNothing(t *testing.T) {
	_, err := Decode("x", []byte("\ufeffversion: 1\nname: 5\n"), fstest.MapFS{}, "")
	if err == nil || !strings.Contains(err.Error(), "x:2:7: name:") || strings.Contains(err.Error(), "\ufeff") {
		t.Errorf("got %v", err)
	}
}

// The figures are far above what a sound reader needs and far below what a hostile file could ask of a naive
// one.
func TestHostileFilesAreAnsweredSoon(t *testing.T) {
	bomb := "a: &a [x]\n"
	for c := 'b'; c <= 'z'; c++ {
		before := "*" + string(c-1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat(before+", ", 9) + before + "]\n"
	}
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	versions := func(declared, levels string) string {
		return strings.Replace(least, "debian}}", "debian}, tools: {mine: {"+declared+"}}}", 1) + "axes: [{tool: mine, levels: [" + levels + "]}]\n"
	}
	lines := func(head, line string) string {
		return head + strings.Repeat(line, (document.MaxFile-len(head)-9)/len(line))
	}
	for name, text := range map[string]string{
		"alias bomb":      bomb + "axes: *z\nstages: *z\n",
		"alias to itself": least + "axes: &a [*a, {env: A, levels: *a}]\n",
		"deep lists":      lines("axes: ", "["),
		"deep mappings":   lines("axes: ", "{a: "),
		"deep blocks":     lines("axes:\n", " - "),
		"open quote":      lines("name: \"\n", "x: y\n"),
		"open list":       lines("name: [\n", "x: y\n"),
		"unknown keys":    lines("", "a: b\n"),
		"one long line":   lines("axes: [", "x, ") + "]",
		"levels":          lines(least+"axes: [{env: A, levels: [", "5, ") + "]}]",
		"comments":        lines("axes:\n", "- #\n"),
		"question marks":  lines("axes: ", "? "),
		"conditions":      lines(least+"axes: [{env: A, levels: [a, b]}]\nrequire: [A = a with A = a", " and A = a") + "]\n",
		"long rule":       lines(least+"require: [A = a with A = a", " and A = a") + " and]\n",
		"rules":           lines(least+"require: [", "a b, ") + "]\n",
		"versions":        versions(many(500, "v%d: {release: {url: http://x, sha256: "+sum+"}, dest: /x}, "), many(5_000, "u%d, ")),
		"wrong versions":  versions(many(6_000, "v%d: 5, "), many(6_000, "u%d, ")),
		"providers":       versions("a: {any: ["+many(8_000, "{release: {url: %d}}, ")+"]}", ""),
		"long key":        lines("", "abcdefgh") + ": x\n",
		"long pattern":    least + "verdict: {bad: {log: '" + strings.Repeat("(", 200_000) + "'}}\n",
		"many patterns":   least + "verdict: {bad: {log: '" + strings.Repeat("(a{1000}){1000}", 10_000) + "'}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
			if _, ok := errors.AsType[document.Mistakes](err); !ok {
				t.Errorf("got %v, want mistakes", err)
			}
			took := time.Since(start)
			first, _, _ := strings.Cut(err.Error(), "\n")
			if strings.Contains(first, "KiB") {
				t.Fatalf("only its size was looked at: %s", first)
			}
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			t.Logf("%v, %d bytes of mistakes, the first: %s", took, len(err.Error()), first)
		})
	}
}
