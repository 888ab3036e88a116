package document

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Read parses data as the one YAML document of a file, whose mappings have the keys of grammar. Untrusted
// says that nobody has read the file. Where data is no document, there is no tree to look for more mistakes
// in.
func Read(file string, data []byte, grammar map[string]Keys, untrusted bool) (Place, Mistakes) {
	root, src, mistakes := parse(file, data)
	if len(mistakes) > 0 {
		return Place{}, mistakes
	}
	return Place{Node: root, of: &decoder{file: src, grammar: grammar, untrusted: untrusted}}, nil
}

// Untrusted reports whether nobody has read the file.
func (p Place) Untrusted() bool { return p.of != nil && p.of.untrusted }

// Mistakes are those of the whole document until now, in the order of their places.
func (p Place) Mistakes() Mistakes { return p.of.mistakes.sorted() }

// decoder walks a scenario's YAML tree and notes every mistake it meets; it never stops at one. Its readers
// take a place and say whether they got a value: for a place where nothing stands they return false and note
// nothing, because only the grammar knows what must stand there.
type decoder struct {
	file     *text
	grammar  map[string]Keys
	mistakes Mistakes

	untrusted bool // nobody has read the file
}

// Place is a node of the tree and the path that leads to it. The zero place is one where nothing stands.
type Place struct {
	Node *yaml.Node
	Path string
	of   *decoder
}

// Mapping is a mapping whose keys the grammar fixes. A nil one has no keys.
type Mapping struct {
	Place
	values map[string]Place
}

// Pair is one entry of a mapping whose keys the user chooses.
type Pair struct {
	Name       string
	Key, Value Place
}

// Mistake notes something that is wrong at p.
func (p Place) Mistake(format string, args ...any) {
	p.of.mistakes = append(p.of.mistakes, p.of.file.mistake(p.Node.Line, p.Node.Column, p.Path, fmt.Sprintf(format, args...)))
}

// inner is a place of the same document.
func (p Place) inner(n *yaml.Node, path string) Place { return Place{n, path, p.of} }

// Noted counts the mistakes of the whole document until now; 0 where nothing stands.
func (p Place) Noted() int {
	if p.of == nil {
		return 0
	}
	return len(p.of.mistakes)
}

// Wrong notes that p holds something else than want.
func (p Place) Wrong(want string) {
	if p.Node.Kind == yaml.AliasNode {
		p.Mistake("the alias *%s is not supported in scenario files; write the value out", Short(p.Node.Value))
		return
	}
	p.Mistake("want %s, got %s", want, describe(p.Node))
}

// At returns the place of key, the zero place if the mapping lacks it.
func (m *Mapping) At(key string) Place {
	if m == nil {
		return Place{}
	}
	return m.values[key]
}

// Has reports whether the mapping has key.
func (m *Mapping) Has(key string) bool { return m.At(key).Node != nil }

// Among returns those of keys that the mapping has.
func (m *Mapping) Among(keys ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !m.Has(key) })
}

// Mapping reads p as the kind of mapping that the grammar calls kind, and notes keys that are unknown, not
// served, or missing. It returns nil if p is no mapping.
func (p Place) Mapping(kind string) *Mapping {
	if p.Node == nil {
		return nil
	}
	keys := p.of.grammar[kind]
	pairs, ok := p.Pairs("a mapping with " + strings.Join(keys.Served(), ", "))
	if !ok {
		return nil
	}
	m := &Mapping{Place: p, values: map[string]Place{}}
	for _, entry := range pairs {
		switch {
		case slices.Contains(keys.Required, entry.Name), slices.Contains(keys.Optional, entry.Name):
		case slices.Contains(keys.Later, entry.Name):
			entry.Key.Mistake("not supported in this version")
		default:
			entry.Key.Mistake("unknown key; %s", p.of.advice(entry.Name, kind))
		}
		m.values[entry.Name] = entry.Value
	}
	for _, key := range keys.Required {
		if !m.Has(key) {
			p.Mistake("%s is missing", key)
		}
	}
	return m
}

// advice says what to write instead of key.
func (d *decoder) advice(key, kind string) string {
	var homes []string
	for other, keys := range d.grammar {
		if slices.Contains(keys.Served(), key) {
			homes = append(homes, strings.Replace(other, "scenario", "the top level", 1))
		}
	}
	slices.Sort(homes)
	keys := d.grammar[kind]
	all := append(keys.Served(), keys.Later...)
	word := Nearest(key, all)
	switch {
	case len(homes) > 0 && near(key, all, 1) == "":
		return fmt.Sprintf("%s is a key of: %s", key, strings.Join(homes, ", "))
	case word != "":
		return fmt.Sprintf("did you mean %s?", word)
	}
	return "want one of " + strings.Join(keys.Served(), ", ")
}

// Pairs reads p as a mapping with any keys; of a key that stands twice, the first counts.
func (p Place) Pairs(want string) ([]Pair, bool) {
	if p.Node == nil {
		return nil, false
	}
	if p.Node.Kind != yaml.MappingNode {
		p.Wrong(want)
		return nil, false
	}
	var all []Pair
	first := map[string]int{} // key to its line
	for i := 0; i+1 < len(p.Node.Content); i += 2 {
		key := p.inner(p.Node.Content[i], p.Path)
		if key.Node.ShortTag() == "!!merge" {
			key.Mistake("merge keys are not supported in scenario files; write the keys out")
			continue
		}
		name, ok := key.Str("a key")
		if !ok {
			continue
		}
		key.Path = PathBelow(p.Path, name)
		if line, twice := first[name]; twice {
			key.Mistake("stands twice; first in line %d", line)
			continue
		}
		first[name] = key.Node.Line
		all = append(all, Pair{name, key, p.inner(p.Node.Content[i+1], key.Path)})
	}
	return all, true
}

// List reads p as a list.
func (p Place) List() ([]Place, bool) {
	if p.Node == nil {
		return nil, false
	}
	if p.Node.Kind != yaml.SequenceNode {
		p.Wrong("a list")
		return nil, false
	}
	var all []Place
	for i, n := range p.Node.Content {
		all = append(all, p.inner(n, fmt.Sprintf("%s[%d]", p.Path, i)))
	}
	return all, true
}

// below is the path of key in the mapping at path.
func PathBelow(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, Short(key))
	case path == "":
		return key
	}
	return path + "." + key
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// describe names what n is, to one who wanted something else.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!str":
		return fmt.Sprintf("the string %q", Short(n.Value))
	case "!!int", "!!float":
		return "the number " + Short(n.Value)
	case "!!bool":
		return n.Value
	case "!!timestamp":
		return "the date " + n.Value
	case "!!null":
		if n.Value == "" {
			return "nothing"
		}
		return "null"
	}
	return fmt.Sprintf("a value with the tag %s", Short(n.ShortTag()))
}

// IsNothing reports a place where no value is written at all, which YAML takes for null.
func IsNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == ""
}

// IsNull reports a null that somebody wrote.
func IsNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value != ""
}

// Short keeps a message readable whatever a file holds.
func Short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// Quoted is how to write s so that YAML takes it for a string.
func Quoted(s string) string { return strconv.Quote(s) }

// Inside is the place of a character of the string at p, if the file spells the string as it is; else p.
func (p Place) Inside(text string, character int) Place {
	n := *p.Node
	column := n.Column // of the string's first character, counted from 1
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		column++
	}
	if n.Line > len(p.of.file.lines) {
		return p
	}
	line := p.of.file.lines[n.Line-1]
	// A line may be very long, and hold many such strings.
	if from := column - 1; from <= len(line) && strings.HasPrefix(string(line[from:min(from+len(text), len(line))]), text) {
		n.Column = column + character
	}
	return p.inner(&n, p.Path)
}
