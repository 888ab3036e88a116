package scenarios

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v3"
)

// text reads a string, which may be empty.
func (p place) text() (string, bool) { return p.str("a string") }

// str reads a string that its user calls want. A bare number or boolean is refused even though its spelling
// is at hand: other readers of the file, an editor's among them, would see another value.
func (p place) str(want string) (string, bool) {
	n := p.node
	if n == nil {
		return "", false
	}
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str":
			if strings.ContainsRune(n.Value, 0) {
				p.mistake("holds a NUL character, which neither a shell nor an environment can")
				return "", false
			}
			return n.Value, true
		case "!!int", "!!float", "!!bool", "!!timestamp":
			p.mistake("want %s, got %s%s; write %s", want, describe(n), reading(n), quoted(n.Value))
			return "", false
		}
	}
	p.wrong(want)
	return "", false
}

// reading says what YAML makes of a bare scalar, where that is not what was written.
func reading(n *yaml.Node) string {
	var v any
	if n.Decode(&v) != nil {
		return ""
	}
	got := fmt.Sprint(v)
	if n.ShortTag() == "!!timestamp" || got == n.Value {
		return ""
	}
	return fmt.Sprintf(", which YAML reads as %s", got)
}

// word reads a string that is not blank.
func (p place) word() (string, bool) {
	s, ok := p.text()
	if ok && strings.TrimSpace(s) == "" {
		p.mistake("is empty")
		return "", false
	}
	return s, ok
}

// line reads a word that stands on one line and can be printed anywhere.
func (p place) line() (string, bool) {
	s, ok := p.word()
	if ok && (strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })) {
		p.mistake("want one line of printable text without blanks around it, got %q", short(s))
		return "", false
	}
	return s, ok
}

// match reads a word that matches pattern, which is described by want.
func (p place) match(pattern *regexp.Regexp, want string) (string, bool) {
	s, ok := p.word()
	if ok && !pattern.MatchString(s) {
		p.mistake("want %s, got %q", want, short(s))
		return "", false
	}
	return s, ok
}

// oneOf reads one of a few words.
func (p place) oneOf(words ...string) (string, bool) {
	if p.node == nil {
		return "", false
	}
	if p.node.Kind == yaml.ScalarNode && p.node.ShortTag() == "!!str" && slices.Contains(words, p.node.Value) {
		return p.node.Value, true
	}
	p.wrong(strings.Join(words, " or "))
	return "", false
}

// flag reads true or false.
func (p place) flag() bool {
	if p.node == nil {
		return false
	}
	var v bool
	if p.node.Kind != yaml.ScalarNode || p.node.ShortTag() != "!!bool" || p.node.Decode(&v) != nil {
		p.wrong("true or false")
		return false
	}
	return v
}

// count reads a whole number of at least least.
func (p place) count(least int) (int, bool) {
	if p.node == nil {
		return 0, false
	}
	var v int
	if p.node.Kind != yaml.ScalarNode || p.node.ShortTag() != "!!int" || p.node.Decode(&v) != nil || v < least {
		p.wrong(fmt.Sprintf("a whole number of at least %d", least))
		return 0, false
	}
	return v, true
}

// amount reads a number above zero.
func (p place) amount() float64 {
	v, ok := number(p)
	if p.node != nil && !(ok && v > 0 && !math.IsInf(v, 0)) {
		p.wrong("a number above zero")
		return 0
	}
	return v
}

// within reads a number of at least low and at most high.
func (p place) within(low, high float64) (float64, bool) {
	v, ok := number(p)
	if p.node != nil && !(ok && v >= low && v <= high) {
		plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
		p.wrong(fmt.Sprintf("a number from %s to %s", plain(low), plain(high)))
		return 0, false
	}
	return v, ok
}

// number is the number at p, which may be no finite one.
func number(p place) (float64, bool) {
	var v float64
	if p.node == nil || p.node.Kind != yaml.ScalarNode || !slices.Contains([]string{"!!int", "!!float"}, p.node.ShortTag()) {
		return 0, false
	}
	return v, p.node.Decode(&v) == nil
}

// duration reads a time with its unit, such as 20m or 1h30m.
func (p place) duration() (time.Duration, bool) {
	if p.node == nil {
		return 0, false
	}
	if p.node.Kind == yaml.ScalarNode && p.node.ShortTag() == "!!str" {
		if v, err := time.ParseDuration(p.node.Value); err == nil && v > 0 {
			return v, true
		}
	}
	p.wrong("a duration above zero with its unit, such as 90s, 20m or 1h30m")
	return 0, false
}

// size reads an amount of memory or of bytes on a disk as `docker run --memory` does: k, m and g are powers
// of 1024.
func (p place) size(least int64) (int64, bool) {
	if p.node == nil {
		return 0, false
	}
	if p.node.Kind == yaml.ScalarNode && p.node.ShortTag() == "!!str" {
		if v, err := units.RAMInBytes(p.node.Value); err == nil && v >= least && v < 1<<50 {
			return v, true
		}
	}
	p.wrong("a size with its unit, such as 512m or 4g, of at least "+strings.ToLower(units.CustomSize("%g%s", float64(least), 1024, []string{"", "k", "m"})))
	return 0, false
}

// absolute reads the path of something inside the builder.
func (p place) absolute() (string, bool) {
	s, ok := p.line()
	if !ok || !p.isAbsolute(s) {
		return "", false
	}
	return path.Clean(s), true
}

func (p place) isAbsolute(s string) bool {
	ok := path.IsAbs(s) && path.Clean(s) != "/"
	if !ok {
		p.mistake("want an absolute path below /, got %q", short(s))
	}
	return ok
}

// relative reads the path of something inside an archive or a folder of a tool.
func (p place) relative() (string, bool) {
	s, ok := p.line()
	if ok && (!fs.ValidPath(s) || s == ".") {
		p.mistake("want a path inside of it, such as bin/go, without . and .., got %q", short(s))
		return "", false
	}
	return s, ok
}
