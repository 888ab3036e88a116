package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ids names trials; three or more in a row are written as a range.
func ids(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		last := i
		for last+1 < len(list) && list[last+1] == list[last]+1 {
			last++
		}
		if last-i < 2 {
			last = i
			parts = append(parts, strconv.Itoa(list[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", list[i], list[last]))
		}
		i = last + 1
	}
	name := "trials "
	if len(list) == 1 {
		name = "trial "
	}
	return name + strings.Join(parts, ", ")
}

// Percent writes a probability without its unit, with a decimal near 0 and near 1. What is not certain never
// becomes 100.
func Percent(p float64) string {
	text := strconv.FormatFloat(100*p, 'f', 0, 64)
	switch {
	case p < 0.1:
		text = strconv.FormatFloat(100*p, 'f', 1, 64)
	case p > 0.99:
		text = strconv.FormatFloat(math.Floor(1000*p)/10, 'f', 1, 64)
	}
	return strings.TrimSuffix(text, ".0")
}

// Clean makes text of a build or a commit safe for a terminal: control characters, which could move the
// cursor or hide words, become question marks, and so do the marks that reverse the direction of text and
// those that take no room.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if Hostile(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// CleanLines is Clean for a text of several lines, whose line feeds and tabs stay.
func CleanLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && Hostile(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// Hostile reports characters that move a terminal's cursor, or hide or reverse what it shows, or take no room
// in it, so that two texts look the same that are not.
func Hostile(r rune) bool {
	switch r {
	case 0x115f, 0x1160, 0x3164, 0xffa0: // letters that are blank
		return true
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
