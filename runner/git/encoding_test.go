package git

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"buildbisect/runner/git/gittest"
	"buildbisect/runner/git/gittext"
)

// TestCommitsInOtherEncodingsReadAsInGitLog compares authors and subjects, of what git decodes with the bytes
// that git leaves shown as U+FFFD.
func TestCommitsInOtherEncodingsReadAsInGitLog(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 1)
	latin, cyrillic, japanese := "J\xf6rg \xa7 \xe9", "\xf0\xd2\xc9\xd7\xc5\xd4", "\x93\xfa\x96\x7b"
	var text strings.Builder
	encodings := []struct{ name, words string }{
		{"ISO-8859-1", latin}, {"latin1", latin}, {"latin-1", latin}, {"ISO8859-1", latin}, {"iso-8859-15", latin + "\xa4"}, {"CP1252", latin + " \x80"}, {"windows-1252", latin},
		{"KOI8-R", cyrillic}, {"koi8-r", cyrillic}, {"CP1251", cyrillic}, {"windows-1251", cyrillic}, {"ISO-8859-5", cyrillic}, {"Shift_JIS", japanese}, {"SJIS", japanese},
		{"EUC-JP", "\xc6\xfc\xcb\xdc"}, {"GBK", "\xc8\xd5\xb1\xbe"}, {"GB18030", "\xc8\xd5\xb1\xbe"}, {"Big5", "\xa4\xe9\xa5\xbb"}, {"EUC-KR", "\xc0\xcf\xba\xbb"},
		{"", latin}, {"", "plain \xe2\x82\xac"}, {"UTF-8", latin}, {"utf8", "\xe2\x82\xac"}, {"unheard-of", latin}, {"", "half \xe2\x82"}, {"", "\xff\xfe\x1b[31m"}, {"EUC-JP", "\xc6"}, {"iso-2022-kr", "wide"},
	}
	for i, e := range encodings {
		header := ""
		if e.name != "" {
			header = "encoding " + e.name + "\n"
		}
		words := e.words + " done"
		fmt.Fprintf(&text, "commit refs/heads/e%d\nauthor %s <a@example.org> 1600000000 +0000\ncommitter C <c@example.com> 1600000000 +0000\n%sdata %d\n%s\n", i, e.words, header, len(words), words)
	}
	if out, err := gittest.Try(t, dir, text.String(), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	r := open(t, dir)
	decoded := 0
	for i, e := range encodings {
		cmd := exec.Command("git", "log", "-1", "--encoding=UTF-8", "--format=%an%n%s", fmt.Sprint("e", i))
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		name, subject, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
		c := resolve(t, r, fmt.Sprint("e", i))
		for _, pair := range [][2]string{{c.AuthorName, name}, {c.Subject, subject}} {
			if !utf8.ValidString(pair[0]) || strings.ContainsFunc(pair[0], func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q in %q: %q is not safe to print", e.words, e.name, pair[0])
			}
			if want := gittext.Printable(pair[1]); pair[0] != want {
				t.Errorf("%q in %q: %q, git says %q", e.words, e.name, pair[0], want)
			}
			if utf8.ValidString(pair[1]) && !utf8.ValidString(e.words) {
				decoded++
			}
		}
	}
	t.Logf("%d commits read as by git log, %d texts decoded", len(encodings), decoded)
	if decoded == 0 {
		t.Error("git decoded nothing")
	}
}
