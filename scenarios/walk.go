package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder walks a scenario's YAML tree and notes every mistake it meets; it never stops at one. Its readers
// take a place and say whether they got a value: for a place where nothing stands they return false and note
// nothing, because only the grammar knows what must stand there.
type decoder struct {
	file     *text
	grammar  map[string]keys
	mistakes Mistakes

	untrusted bool // nobody has read the file
}

// place is a node of the tree and the path that leads to it. The zero place is one where nothing stands.
type place struct {
	node *yaml.Node
	path string
	of   *decoder
}

// mapping is a mapping whose keys the grammar fixes. A nil one has no keys.
type mapping struct {
	place
	values map[string]place
}

// pair is one entry of a mapping whose keys the user chooses.
type pair struct {
	name       string
	key, value place
}

func (p place) mistake(format string, args ...any) {
	p.of.mistakes = append(p.of.mistakes, p.of.file.mistake(p.node.Line, p.node.Column, p.path, fmt.Sprintf(format, args...)))
}

// inner is a place of the same document.
func (p place) inner(n *yaml.Node, path string) place { return place{n, path, p.of} }

// noted counts the mistakes of the whole document until now; 0 where nothing stands.
func (p place) noted() int {
	if p.of == nil {
		return 0
	}
	return len(p.of.mistakes)
}

// wrong notes that p holds something else than want.
func (p place) wrong(want string) {
	if p.node.Kind == yaml.AliasNode {
		p.mistake("the alias *%s is not supported in scenario files; write the value out", short(p.node.Value))
		return
	}
	p.mistake("want %s, got %s", want, describe(p.node))
}

// at returns the place of key, the zero place if the mapping lacks it.
func (m *mapping) at(key string) place {
	if m == nil {
		return place{}
	}
	return m.values[key]
}

func (m *mapping) has(key string) bool { return m.at(key).node != nil }

// among returns those of keys that the mapping has.
func (m *mapping) among(keys ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !m.has(key) })
}

// mapping reads p as the kind of mapping that the grammar calls kind, and notes keys that are unknown, not
// served, or missing. It returns nil if p is no mapping.
func (p place) mapping(kind string) *mapping {
	if p.node == nil {
		return nil
	}
	keys := p.of.grammar[kind]
	pairs, ok := p.pairs("a mapping with "+strings.Join(keys.served(), ", "))
	if !ok {
		return nil
	}
	m := &mapping{place: p, values: map[string]place{}}
	for _, entry := range pairs {
		switch {
		case slices.Contains(keys.required, entry.name), slices.Contains(keys.optional, entry.name):
		case slices.Contains(keys.later, entry.name):
			entry.key.mistake("not supported in this version")
		default:
			entry.key.mistake("unknown key; %s", p.of.advice(entry.name, kind))
		}
		m.values[entry.name] = entry.value
	}
	for _, key := range keys.required {
		if !m.has(key) {
			p.mistake("%s is missing", key)
		}
	}
	return m
}

// advice says what to write instead of key.
func (d *decoder) advice(key, kind string) string {
	var homes []string
	for other, keys := range d.grammar {
		if slices.Contains(keys.served(), key) {
			homes = append(homes, strings.Replace(other, "scenario", "the top level", 1))
		}
	}
	slices.Sort(homes)
	keys := d.grammar[kind]
	all := append(keys.served(), keys.later...)
	word := nearest(key, all)
	switch {
	case len(homes) > 0 && near(key, all, 1) == "":
		return fmt.Sprintf("%s is a key of: %s", key, strings.Join(homes, ", "))
	case word != "":
		return fmt.Sprintf("did you mean %s?", word)
	}
	return "want one of " + strings.Join(keys.served(), ", ")
}

// pairs reads p as a mapping with any keys; of a key that stands twice, the first counts.
func (p place) pairs(want string) ([]pair, bool) {
	if p.node == nil {
		return nil, false
	}
	if p.node.Kind != yaml.MappingNode {
		p.wrong(want)
		return nil, false
	}
	var all []pair
	first := map[string]int{} // key to its line
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key := p.inner(p.node.Content[i], p.path)
		if key.node.ShortTag() == "!!merge" {
			key.mistake("merge keys are not supported in scenario files; write the keys out")
			continue
		}
		name, ok := key.str("a key")
		if !ok {
			continue
		}
		key.path = below(p.path, name)
		if line, twice := first[name]; twice {
			key.mistake("stands twice; first in line %d", line)
			continue
		}
		first[name] = key.node.Line
		all = append(all, pair{name, key, p.inner(p.node.Content[i+1], key.path)})
	}
	return all, true
}

// list reads p as a list.
func (p place) list() ([]place, bool) {
	if p.node == nil {
		return nil, false
	}
	if p.node.Kind != yaml.SequenceNode {
		p.wrong("a list")
		return nil, false
	}
	var all []place
	for i, n := range p.node.Content {
		all = append(all, p.inner(n, fmt.Sprintf("%s[%d]", p.path, i)))
	}
	return all, true
}

// below is the path of key in the mapping at path.
func below(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, short(key))
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
		return fmt.Sprintf("the string %q", short(n.Value))
	case "!!int", "!!float":
		return "the number " + short(n.Value)
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
	return fmt.Sprintf("a value with the tag %s", short(n.ShortTag()))
}

// isNothing reports a place where no value is written at all, which YAML takes for null.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == ""
}

// isNull reports a null that somebody wrote.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value != ""
}

// short keeps a message readable whatever a file holds.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// quoted is how to write s so that YAML takes it for a string.
func quoted(s string) string { return strconv.Quote(s) }
