package gittext

import (
	"strings"
	"unicode"

	"buildbisect/bisect/report"
)

// Printable makes text safe to print: what is no character, or moves a terminal's cursor, is replaced.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

// Quoted makes a word safe to paste into a shell: some come from the repository's own files.
func Quoted(word string) string { return report.ShellWord(Printable(word)) }

// Short shortens a commit's id to ten digits.
func Short(id string) string {
	if len(id) > 10 {
		return id[:10]
	}
	return id
}
