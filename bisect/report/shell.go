package report

import "strings"

// ShellWord quotes a word for a POSIX shell, where it needs that.
func ShellWord(word string) string {
	plain := strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r))
	}) < 0
	if plain && word != "" {
		return word
	}
	return QuotedShellWord(word)
}

// QuotedShellWord quotes a word for a POSIX shell in any case: a command's name in quotes is no alias and no
// keyword.
func QuotedShellWord(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
