package gittext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"buildbisect/runner/git/pattern"
)

// Setting is one line of git configuration.
type Setting struct {
	Section string // lower case
	Sub     string // "" for none
	Key     string // lower case
	Value   string
	Bare    bool // a key without a value, which stands for true
}

// On reads the value as a boolean, as git does.
func (s Setting) On() bool {
	switch strings.ToLower(s.Value) {
	case "true", "yes", "on":
		return true
	case "":
		return s.Bare
	}
	n, err := strconv.Atoi(s.Value)
	return err == nil && n != 0
}

// Settings are lines of configuration, the last of a name counts.
type Settings []Setting

// Last returns the last setting of a name without a subsection.
func (all Settings) Last(section, key string) (Setting, bool) {
	for i := len(all) - 1; i >= 0; i-- {
		if s := all[i]; s.Section == section && s.Sub == "" && s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// includesDeep is how far git follows files that include others.
const includesDeep = 10

// ReadConfig reads a configuration file and, with includes, what it includes by include.path. Conditions
// (includeIf) are not evaluated: of all that stands under them, nothing changes how objects are read but
// core.useReplaceRefs. A file that is absent says nothing.
func ReadConfig(path string, includes bool) (Settings, error) {
	return readIncluded(path, includes, 0)
}

func readIncluded(path string, includes bool, depth int) (Settings, error) {
	text, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("its config cannot be read: %w", err)
	}
	parsed, line := parseSettings(text)
	if line > 0 {
		return nil, fmt.Errorf("its config cannot be read: line %d of %s is no configuration, git refuses it too; correct it with: git config --file %s --edit", line, path, Quoted(path))
	}
	if !includes {
		return parsed, nil
	}
	var all Settings
	for _, s := range parsed {
		all = append(all, s)
		if s.Section != "include" || s.Sub != "" || s.Key != "path" || s.Value == "" {
			continue
		}
		if depth == includesDeep {
			return nil, fmt.Errorf("its config cannot be read: %s includes itself, or files that include files more than %d times", path, includesDeep)
		}
		more, err := readIncluded(Under(filepath.Dir(path), s.Value), true, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// Under is a path that stands in a file of dir. It is not cleaned: a/link/.. is not a.
func Under(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return home + "/" + rest
		}
	}
	if filepath.IsAbs(path) {
		return path
	}
	return dir + "/" + path
}

// largestPlain is the size in bytes up to which the small files of a repository are read.
const largestPlain = 64 << 20

// ReadFile reads a regular file. A pipe in its place is an error: reading it would never end.
func ReadFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > largestPlain {
		return nil, fmt.Errorf("%s is no regular file, or has more than %d MiB", path, largestPlain>>20)
	}
	return io.ReadAll(file)
}

// parseSettings reads git's configuration syntax as git does, every form of it; wrong is the line, from 1,
// that git refuses too, or 0. go-git's parser refuses files that git takes: [branch.Main], a key on its
// section's line, text that is not UTF-8, a byte order mark, an empty subsection.
func parseSettings(text []byte) (all Settings, wrong int) {
	p := &configText{rest: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), line: 1}
	var section, sub string
	comment := false
	for {
		c := p.next()
		switch {
		case c == '\n':
			if p.over {
				return all, 0
			}
			comment = false
		case comment || IsSpace(c):
		case c == '#' || c == ';':
			comment = true
		case c == '[':
			var ok bool
			if section, sub, ok = p.header(); !ok {
				return nil, p.at()
			}
		case isLetter(c):
			s, ok := p.setting(c)
			if !ok {
				return nil, p.at()
			}
			s.Section, s.Sub = section, sub
			all = append(all, s)
		default:
			return nil, p.at()
		}
	}
}

// configText is what is left to read.
type configText struct {
	rest []byte
	line int  // of what was read last
	end  bool // what was read last ended its line
	over bool
}

// at is the line of the last byte.
func (p *configText) at() int {
	if p.end {
		return p.line - 1
	}
	return p.line
}

// next is the next byte, with \r\n as one; behind the last it is the end of a line.
func (p *configText) next() byte {
	if len(p.rest) == 0 {
		p.over, p.end = true, false
		return '\n'
	}
	if len(p.rest) > 1 && p.rest[0] == '\r' && p.rest[1] == '\n' {
		p.rest = p.rest[1:]
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	if p.end = c == '\n'; p.end {
		p.line++
	}
	return c
}

// header reads a section's name, behind the bracket: [section], [section "Sub"], or of old [section.sub].
func (p *configText) header() (section, sub string, ok bool) {
	var name []byte
	for {
		c := p.next()
		switch {
		case p.over, c == ']' && len(name) == 0:
			return "", "", false
		case c == ']':
			section, sub, _ = strings.Cut(string(name), ".")
			return section, sub, true
		case IsSpace(c):
			quoted, ok := p.subsection(c)
			section, sub, dotted := strings.Cut(string(name), ".")
			if dotted {
				quoted = sub + "." + quoted
			}
			return section, quoted, ok
		case isKeyByte(c) || c == '.':
			name = append(name, pattern.Lower(c))
		default:
			return "", "", false
		}
	}
}

// subsection reads what stands in quotes, up to the bracket.
func (p *configText) subsection(c byte) (string, bool) {
	for ; IsSpace(c); c = p.next() {
		if c == '\n' {
			return "", false
		}
	}
	if c != '"' {
		return "", false
	}
	var name []byte
	for {
		c := p.next()
		if c == '"' {
			return string(name), p.next() == ']'
		}
		if c == '\\' {
			c = p.next()
		}
		if c == '\n' {
			return "", false
		}
		name = append(name, c)
	}
}

// setting reads a key, of which first was read, and its value.
func (p *configText) setting(first byte) (Setting, bool) {
	name := []byte{pattern.Lower(first)}
	c := p.next()
	for ; isKeyByte(c); c = p.next() {
		name = append(name, pattern.Lower(c))
	}
	for c == ' ' || c == '\t' {
		c = p.next()
	}
	s := Setting{Key: string(name)}
	if c == '\n' {
		s.Bare = true
		return s, true
	}
	if c != '=' {
		return s, false
	}
	var ok bool
	s.Value, ok = p.value()
	return s, ok
}

// value reads to the end of the line, or of the lines that a backslash joins.
func (p *configText) value() (string, bool) {
	var value []byte
	kept := 0 // without the blanks at the end
	quote, comment := false, false
	for {
		c := p.next()
		switch {
		case c == '\n':
			return string(value[:kept]), !quote
		case comment:
			continue
		case IsSpace(c) && !quote:
			if kept > 0 {
				value = append(value, c)
			}
			continue
		case !quote && (c == ';' || c == '#'):
			comment = true
			continue
		case c == '"':
			quote = !quote
		case c == '\\':
			switch c = p.next(); c {
			case '\n':
				kept = len(value)
				continue
			case 't':
				c = '\t'
			case 'b':
				c = '\b'
			case 'n':
				c = '\n'
			case '\\', '"':
			default:
				return "", false
			}
			fallthrough
		default:
			value = append(value, c)
		}
		kept = len(value)
	}
}

// IsSpace reports whether git takes c for white space.
func IsSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isLetter(c byte) bool { return pattern.Lower(c) >= 'a' && pattern.Lower(c) <= 'z' }
func isKeyByte(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-'
}
