package gittext

import (
	"errors"
	"fmt"
	"strings"
)

// escapes are those of C that git writes in quoted names, beside octal ones.
var escapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"'}

// Unquote reads a string that begins with a double quote, quoted as in C with octal escapes of single bytes,
// and returns what follows it.
func Unquote(text string) (name, rest string, err error) {
	var b []byte
	for at := 1; at < len(text); at++ {
		switch c := text[at]; c {
		case '"':
			return string(b), text[at+1:], nil
		case '\\':
			at++
			if at >= len(text) {
				break
			}
			if plain, ok := escapes[text[at]]; ok {
				b = append(b, plain)
				continue
			}
			if at+2 >= len(text) || strings.Trim(text[at:at+3], "01234567") != "" || text[at] > '3' {
				return "", "", fmt.Errorf("\\%c is no escape", text[at])
			}
			b = append(b, (text[at]-'0')<<6|(text[at+1]-'0')<<3|(text[at+2]-'0'))
			at += 2
		default:
			b = append(b, c)
		}
	}
	return "", "", errors.New("the quote does not end")
}
