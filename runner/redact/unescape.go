package redact

import (
	"bytes"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// longestEscape is the length in bytes of the longest escape or gap that is recognized.
const longestEscape = 40

// readEscaped reads text as the first character of value, itself or escaped. It returns how many bytes of
// value that is (a byte or a whole character of UTF-8) as a set of bits, and whether text with more after it
// may be an escape, too.
//
// Known are %2f, %u002f, =2F, \n, \/, \x2f, \x{2f}, \u002f, \u{2f}, \U0000002f, \057, \047 in decimal, \2f,
// \cJ, ^J, M-C, &#47;, &#x2f;, &amp; and the like, + for a space, and CR LF for a line feed; also with the
// sign that begins them escaped in its turn.
func readEscaped(text []byte, value string) (stands uint8, more bool) {
	if len(text) == 1 && text[0] == value[0] {
		stands = 1 << 1
	}
	if !escapeBegins(text[0], value[0]) || len(text) > longestEscape {
		return stands, false
	}
	outer, open := unwrapped(text)
	if len(outer) == 0 {
		return stands, open
	}
	numbers, more := unescape(outer)
	if len(text) > len(outer) && len(outer) == 1 {
		numbers = append(numbers, rune(outer[0]))
	}
	more = more || open
	want, size := utf8.DecodeRuneInString(value)
	for _, n := range numbers {
		if n == rune(value[0]) {
			stands |= 1 << 1
		}
		if n == want && size > 1 {
			stands |= 1 << size
		}
	}
	return stands, more
}

// unwrapped is text without what a writer of URLs, of JSON for the web or of HTML made of an escape of
// another one, as in %5Cn, %2525, \u0026quot; and &amp;quot;. Open says that text may end within such a sign.
func unwrapped(text []byte) (plain []byte, open bool) {
	for range 4 {
		switch {
		case text[0] == '%' && bytes.IndexByte(text[1:], 'u') != 0:
			decoded := percentSign.ReplaceAllFunc(text, func(sign []byte) []byte {
				c, _ := strconv.ParseUint(string(sign[1:]), 16, 8)
				return []byte{byte(c)}
			})
			open = open || cutPercentSign.Match(text)
			if len(decoded) == len(text) {
				return text, open
			}
			text = decoded
		case bytes.HasPrefix(text, []byte("&amp;")) && len(text) > len("&amp;"):
			text = append([]byte("&"), text[len("&amp;"):]...)
		case ampersand.Match(text) && len(text) > len(`\u0026`):
			text = append([]byte("&"), text[len(`\u0026`):]...)
		default:
			return text, open || string(text) == "&amp;" || ampersand.Match(text)
		}
	}
	return text, open
}

var (
	percentSign    = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
	cutPercentSign = regexp.MustCompile(`%[0-9a-fA-F]?$`)
	ampersand      = regexp.MustCompile(`^\\u0026`)
)

// escapeBegins reports whether c may be the first character of an escape of want. It spares the rest for most
// of the output.
func escapeBegins(c, want byte) bool {
	switch c {
	case '\\', '%', '&':
		return true
	case '=':
		return !isAlphanumeric(want)
	case '+':
		return want == ' '
	case '\r':
		return want == '\n'
	case '^':
		return want < ' ' || want == 0x7f
	case 'M':
		return want >= 0x80
	}
	return false
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// unescape gives the characters, or bytes, that text may be an escape of, and whether an escape may go on
// after it.
func unescape(text []byte) (numbers []rune, more bool) {
	rest := text[1:]
	switch text[0] {
	case '+':
		return numberIf(len(rest) == 0, ' '), false
	case '\r':
		return numberIf(string(rest) == "\n", '\n'), len(rest) == 0
	case '^':
		return control(rest)
	case 'M': // cat -v
		if len(rest) < 2 {
			return nil, len(rest) == 0 || rest[0] == '-'
		}
		if numbers, more = control(rest[2:]); rest[0] != '-' || rest[1] != '^' {
			return numberIf(rest[0] == '-' && len(rest) == 2, rune(rest[1]|0x80)), false
		}
		for i := range numbers {
			numbers[i] |= 0x80
		}
		return append(numbers, numberIf(len(rest) == 2, '^'|0x80)...), more
	case '=':
		return hexadecimal(rest, 2, 2)
	case '&':
		if text[len(text)-1] != ';' {
			return nil, entityBegins.Match(text)
		}
		plain := html.UnescapeString(string(text))
		r, size := utf8.DecodeRuneInString(plain)
		return numberIf(size == len(plain), r), false
	case '%': // but for what was unwrapped
		if len(rest) > 0 && rest[0] == 'u' {
			return codeUnits(rest[1:], "%u", 4)
		}
		return nil, len(rest) == 0
	case '\\':
		return backslashed(rest)
	}
	return nil, false
}

var entityBegins = regexp.MustCompile(`^&(#([xX][0-9a-fA-F]*|[0-9]*)|[a-zA-Z0-9]*)$`)

// control reads the letter of a control character, after its caret.
func control(letter []byte) (numbers []rune, more bool) {
	return numberIf(len(letter) == 1, rune(append(letter, 0)[0]^0x40)), len(letter) == 0
}

// backslashed reads what follows a backslash.
func backslashed(rest []byte) (numbers []rune, more bool) {
	if len(rest) == 0 {
		return nil, true
	}
	add := func(n []rune, open bool) { numbers, more = append(numbers, n...), more || open }
	const letters, short = "abtnvfreE", "\a\b\t\n\v\f\r\x1b\x1b"
	c := rest[0]
	if len(rest) == 1 {
		if i := strings.IndexByte(letters, c); i >= 0 {
			add([]rune{rune(short[i])}, false)
		}
		add(numberIf(!isAlphanumeric(c), rune(c)), false)
	}
	add(digits(rest, 8, 1, 4))
	add(digits(rest, 10, 3, 3))
	if number, spaced := bytes.CutSuffix(rest, []byte(" ")); spaced { // CSS
		n, _ := hexadecimal(number, 1, 6)
		add(n, false)
	} else {
		n, open := hexadecimal(rest, 1, 6)
		add(n, open || len(n) > 0)
	}
	switch c {
	case 'c':
		n, open := control(rest[1:])
		for i := range n {
			n[i] &= 0x1f
		}
		add(n, open)
	case 'x', 'u', 'U':
		if braced, ok := bytes.CutPrefix(rest[1:], []byte("{")); ok {
			body, closed := bytes.CutSuffix(braced, []byte("}"))
			n, open := hexadecimal(body, 1, 8)
			add(numbersIf(closed, n), !closed && (open || len(n) > 0))
			break
		}
		add(codeUnits(rest[1:], `\u`, map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]))
	}
	return numbers, more
}

// codeUnits reads up to most hexadecimal digits. Two of four each, with again between them, may be one
// character in UTF-16.
func codeUnits(text []byte, again string, most int) (numbers []rune, more bool) {
	if most != 4 || len(text) <= 4 {
		numbers, more = hexadecimal(text, 1, most)
		return numbers, more || most == 4 && len(text) == 4 && len(numbers) > 0 && utf16.IsSurrogate(numbers[0])
	}
	high, _ := hexadecimal(text[:4], 4, 4)
	if len(high) == 0 || !utf16.IsSurrogate(high[0]) {
		return nil, false
	}
	behind := text[4:]
	for bytes.HasPrefix(behind, []byte(`\\`)) { // a writer around the writer
		behind = behind[1:]
	}
	if len(behind) <= len(again) {
		return nil, strings.HasPrefix(again, string(behind))
	}
	if !bytes.HasPrefix(behind, []byte(again)) {
		return nil, false
	}
	low, more := hexadecimal(behind[len(again):], 4, 4)
	for i := range low {
		low[i] = utf16.DecodeRune(high[0], low[i])
	}
	return low, more
}

func hexadecimal(text []byte, least, most int) ([]rune, bool) { return digits(text, 16, least, most) }

// digits reads text as one number. More says that further digits may follow.
func digits(text []byte, base, least, most int) (numbers []rune, more bool) {
	if len(text) == 0 {
		return nil, true
	}
	n, err := strconv.ParseUint(string(text), base, 31)
	if err != nil || len(text) > most {
		return nil, false
	}
	return numberIf(len(text) >= least, rune(n)), len(text) < most
}

func numberIf(is bool, n rune) []rune { return numbersIf(is, []rune{n}) }

func numbersIf(is bool, numbers []rune) []rune {
	if !is {
		return nil
	}
	return numbers
}

// gap reports whether text may stand between two characters of a word, and whether it may with more after it:
// a quote that ends or begins, the sign before one, a backslash of a writer around the writer, a line that
// goes on in the next one, or the place where two strings are joined, as in 'a' + 'b' on two lines. At the
// start of a line it may be indented. In coded words line breaks may stand anywhere, and the spaces and
// colons of dumps.
func gap(text []byte, coded, lineStart bool) (is, more bool) {
	if text[0] == '%' && len(text) <= longestEscape {
		plain, open := unwrapped(text)
		if len(plain) == 0 || plain[0] == '%' {
			return false, open
		}
		is, more = gap(plain, coded, lineStart)
		return is, more || open
	}
	c := text[0]
	if len(text) == 1 {
		is = strings.IndexByte("'\"$`^\\", c) >= 0 || coded && strings.IndexByte("\n :", c) >= 0 || lineStart && (c == ' ' || c == '\t')
		return is, strings.IndexByte("\\='\"", c) >= 0 || coded && c == '\r'
	}
	switch rest := string(text[1:]); c {
	case '\\', '=':
		return rest == "\n" || rest == "\r\n", rest == "\r"
	case '\r':
		return coded && rest == "\n", false
	case '\'', '"':
		middle := strings.TrimSuffix(strings.TrimSuffix(rest, "'"), `"`)
		if len(text) > longestEscape || strings.Trim(middle, " +.&\\\r\n\t") != "" {
			return false, false
		}
		return middle != rest && strings.Contains(middle, "\n"), middle == rest
	}
	return false, false
}
