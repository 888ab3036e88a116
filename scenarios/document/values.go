package document

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

// Text reads a string, which may be empty.
func (p Place) Text() (string, bool) { return p.Str("a string") }

// Str reads a string that its user calls want. A bare number or boolean is refused even though its spelling
// is at hand: other readers of the file, an editor's among them, would see another value.
func (p Place) Str(want string) (string, bool) {
	n := p.Node
	if n == nil {
		return "", false
	}
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str":
			if strings.ContainsRune(n.Value, 0) {
				p.Mistake("holds a NUL character, which neither a shell nor an environment can")
				return "", false
			}
			return n.Value, true
		case "!!int", "!!float", "!!bool", "!!timestamp":
			p.Mistake("want %s, got %s%s; write %s", want, describe(n), reading(n), Quoted(n.Value))
			return "", false
		}
	}
	p.Wrong(want)
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

// Word reads a string that is not blank.
func (p Place) Word() (string, bool) {
	s, ok := p.Text()
	if ok && strings.TrimSpace(s) == "" {
		p.Mistake("is empty")
		return "", false
	}
	return s, ok
}

// Line reads a word that stands on one line and can be printed anywhere.
func (p Place) Line() (string, bool) {
	s, ok := p.Word()
	if ok && (strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })) {
		p.Mistake("want one line of printable text without blanks around it, got %q", Short(s))
		return "", false
	}
	return s, ok
}

// Match reads a word that matches pattern, which is described by want.
func (p Place) Match(pattern *regexp.Regexp, want string) (string, bool) {
	s, ok := p.Word()
	if ok && !pattern.MatchString(s) {
		p.Mistake("want %s, got %q", want, Short(s))
		return "", false
	}
	return s, ok
}

// OneOf reads one of a few words.
func (p Place) OneOf(words ...string) (string, bool) {
	if p.Node == nil {
		return "", false
	}
	if p.Node.Kind == yaml.ScalarNode && p.Node.ShortTag() == "!!str" && slices.Contains(words, p.Node.Value) {
		return p.Node.Value, true
	}
	p.Wrong(strings.Join(words, " or "))
	return "", false
}

// Flag reads true or false.
func (p Place) Flag() bool {
	if p.Node == nil {
		return false
	}
	var v bool
	if p.Node.Kind != yaml.ScalarNode || p.Node.ShortTag() != "!!bool" || p.Node.Decode(&v) != nil {
		p.Wrong("true or false")
		return false
	}
	return v
}

// Count reads a whole number of at least least.
func (p Place) Count(least int) (int, bool) {
	if p.Node == nil {
		return 0, false
	}
	var v int
	if p.Node.Kind != yaml.ScalarNode || p.Node.ShortTag() != "!!int" || p.Node.Decode(&v) != nil || v < least {
		p.Wrong(fmt.Sprintf("a whole number of at least %d", least))
		return 0, false
	}
	return v, true
}

// Amount reads a number above zero.
func (p Place) Amount() float64 {
	v, ok := number(p)
	if p.Node != nil && !(ok && v > 0 && !math.IsInf(v, 0)) {
		p.Wrong("a number above zero")
		return 0
	}
	return v
}

// Within reads a number of at least low and at most high.
func (p Place) Within(low, high float64) (float64, bool) {
	v, ok := number(p)
	if p.Node != nil && !(ok && v >= low && v <= high) {
		plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
		p.Wrong(fmt.Sprintf("a number from %s to %s", plain(low), plain(high)))
		return 0, false
	}
	return v, ok
}

// number is the number at p, which may be no finite one.
func number(p Place) (float64, bool) {
	var v float64
	if p.Node == nil || p.Node.Kind != yaml.ScalarNode || !slices.Contains([]string{"!!int", "!!float"}, p.Node.ShortTag()) {
		return 0, false
	}
	return v, p.Node.Decode(&v) == nil
}

// Duration reads a time with its unit, such as 20m or 1h30m.
func (p Place) Duration() (time.Duration, bool) {
	if p.Node == nil {
		return 0, false
	}
	if p.Node.Kind == yaml.ScalarNode && p.Node.ShortTag() == "!!str" {
		if v, err := time.ParseDuration(p.Node.Value); err == nil && v > 0 {
			return v, true
		}
	}
	p.Wrong("a duration above zero with its unit, such as 90s, 20m or 1h30m")
	return 0, false
}

// Size reads an amount of memory or of bytes on a disk as `docker run --memory` does: k, m and g are powers
// of 1024.
func (p Place) Size(least int64) (int64, bool) {
	if p.Node == nil {
		return 0, false
	}
	if p.Node.Kind == yaml.ScalarNode && p.Node.ShortTag() == "!!str" {
		if v, err := units.RAMInBytes(p.Node.Value); err == nil && v >= least && v < 1<<50 {
			return v, true
		}
	}
	p.Wrong("a size with its unit, such as 512m or 4g, of at least " + strings.ToLower(units.CustomSize("%g%s", float64(least), 1024, []string{"", "k", "m"})))
	return 0, false
}

// Absolute reads the path of something inside the builder.
func (p Place) Absolute() (string, bool) {
	s, ok := p.Line()
	if !ok || !p.IsAbsolute(s) {
		return "", false
	}
	return path.Clean(s), true
}

// IsAbsolute notes a path that is not absolute, or that is /, and reports whether it is neither.
func (p Place) IsAbsolute(s string) bool {
	ok := path.IsAbs(s) && path.Clean(s) != "/"
	if !ok {
		p.Mistake("want an absolute path below /, got %q", Short(s))
	}
	return ok
}

// Relative reads the path of something inside an archive or a folder of a tool.
func (p Place) Relative() (string, bool) {
	s, ok := p.Line()
	if ok && (!fs.ValidPath(s) || s == ".") {
		p.Mistake("want a path inside of it, such as bin/go, without . and .., got %q", Short(s))
		return "", false
	}
	return s, ok
}
