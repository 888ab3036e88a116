package attributes

import (
	"bytes"
	"slices"
	"strings"

	"buildbisect/runner/git/gittext"
	"buildbisect/runner/git/pattern"
)

// Attributes say what a checkout does with a file: .gitattributes of the commit itself, in the file's folder
// and those above it, as gitattributes(5) has them. What a fresh clone does not have does not count:
// info/attributes, core.attributesFile.
//
// go-git's gitattributes are not used: they match with path.Match (no "**" beyond whole folders, other
// brackets, patterns ending in a slash), read quoted patterns without their escapes, stop at the first line
// that git passes over, let macros in nested files end the reading, and have no order among a macro and what
// follows it on its line.

// attrValue is what a rule says of an attribute; the zero value is that nothing does.
type attrValue struct {
	state attrState
	text  string // of attrText
}

type attrState byte

const (
	attrUnknown     attrState = iota
	attrSet                   // "text"
	attrUnset                 // "-text"
	attrUnspecified           // "!text": as if nothing were said, and nothing above it counts
	attrText                  // "eol=crlf"
)

// assignment is one word of a rule.
type assignment struct {
	name  string
	value attrValue
}

// attrRule is one line of a .gitattributes file.
type attrRule struct {
	pattern  string
	plain    int  // bytes of the pattern before its first special character
	basename bool // the pattern has no slash: it is matched with a file's last element
	suffix   bool // "*.c": nothing special follows the star, as in most
	words    []assignment
}

// macros are names that stand for several attributes, by the top .gitattributes and git itself.
type macros map[string][]assignment

// Rules are those of one .gitattributes file.
type Rules struct {
	up     *Rules // of the folder above that has any; nil at the top
	dir    string // where the file lies: "" or "folder/"
	rules  []attrRule
	macros macros // of the top
}

// What git takes, in bytes: what is longer is passed over.
const (
	longestAttrLine = 2048
	LargestFile     = 100 << 20
)

// deepestMacro bounds macros of macros of macros, which git follows until its stack ends.
const deepestMacro = 10_000

const attrBlank = " \t\r\n"

// NewRules reads a .gitattributes file that lies in dir of a repository whose top has the macros; up is
// nil at the top. Rules that cannot concern a checkout are left out.
func NewRules(content []byte, dir string, up *Rules) *Rules {
	no := attrValue{state: attrUnset}
	r := &Rules{up: up, dir: dir, macros: macros{"binary": {{"diff", no}, {"merge", no}, {"text", no}}}}
	if up != nil {
		r.macros = up.macros
	}
	if len(content) >= LargestFile {
		return r
	}
	content, _, _ = bytes.Cut(content, []byte{0})
	for line := range bytes.Lines(content) {
		name, words, ok := parseAttrLine(strings.TrimSuffix(string(line), "\n"))
		if !ok {
			continue
		}
		if macro, is := strings.CutPrefix(name, "[attr]"); is && macro != "" {
			macro = firstWord(strings.TrimLeft(macro, attrBlank))
			if up == nil && validAttrName(macro) {
				r.macros[macro] = words
			}
			continue
		}
		if rule, ok := newAttrRule(name, words); ok {
			r.rules = append(r.rules, rule)
		}
	}
	for i := range r.rules {
		r.rules[i].words = slices.DeleteFunc(r.rules[i].words, func(a assignment) bool { return !r.concerns(a.name) })
	}
	r.rules = slices.DeleteFunc(r.rules, func(rule attrRule) bool { return len(rule.words) == 0 })
	return r
}

// Len is the number of lines that a path is compared with.
func (r *Rules) Len() (n int) {
	for ; r != nil; r = r.up {
		n += len(r.rules)
	}
	return n
}

// concerns reports whether an attribute changes what a checkout writes, or may as a macro.
func (r *Rules) concerns(name string) bool {
	return slices.Contains(checkoutAttributes, name) || r.macros[name] != nil
}

// parseAttrLine splits a line into its pattern and its assignments. A line with a mistake counts for nothing.
func parseAttrLine(line string) (name string, words []assignment, ok bool) {
	text := strings.TrimLeft(line, attrBlank)
	if text == "" || text[0] == '#' || len(line) >= longestAttrLine {
		return "", nil, false
	}
	name = firstWord(text)
	rest := text[len(name):]
	if text[0] == '"' {
		if unquoted, after, err := gittext.Unquote(text); err == nil {
			name, _, _ = strings.Cut(unquoted, "\x00")
			rest = after
		}
	}
	for word := range strings.FieldsFuncSeq(rest, func(c rune) bool { return strings.ContainsRune(attrBlank, c) }) {
		a := assignment{}
		text := strings.TrimLeft(word[:1], "-!") + word[1:]
		a.name, a.value.text, ok = strings.Cut(text, "=")
		switch {
		case word[0] == '-':
			a.value = attrValue{state: attrUnset}
		case word[0] == '!':
			a.value = attrValue{state: attrUnspecified}
		case ok:
			a.value.state = attrText
		default:
			a.value.state = attrSet
		}
		if !validAttrName(a.name) {
			return "", nil, false
		}
		words = append(words, a)
	}
	return name, words, true
}

func firstWord(text string) string {
	if i := strings.IndexAny(text, attrBlank); i >= 0 {
		return text[:i]
	}
	return text
}

func validAttrName(name string) bool {
	return name != "" && name[0] != '-' && strings.Trim(name, "-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// newAttrRule reads a pattern. One that begins with ! is none, and one that ends in a slash matches no file.
func newAttrRule(glob string, words []assignment) (attrRule, bool) {
	if strings.HasPrefix(glob, "!") || strings.HasSuffix(glob, "/") {
		return attrRule{}, false
	}
	r := attrRule{pattern: glob, words: words, basename: !strings.Contains(glob, "/")}
	r.pattern = strings.TrimPrefix(glob, "/")
	r.plain = pattern.PlainLength(r.pattern)
	r.suffix = r.basename && strings.HasPrefix(r.pattern, "*") && pattern.PlainLength(r.pattern[1:]) == len(r.pattern)-1
	return r, true
}

// match reports whether the rule is about a file, given by its path from the rule's folder.
func (r *attrRule) match(path string) bool {
	plain := r.pattern[:r.plain]
	if r.basename {
		path = path[strings.LastIndexByte(path, '/')+1:]
		if r.suffix {
			return strings.HasSuffix(path, r.pattern[1:])
		}
		return strings.HasPrefix(path, plain) && pattern.Wildmatch(r.pattern, path, pattern.GlobRules{})
	}
	// As git does, what has no special character is compared on its own: in "a/x**/b" the ** then stands at a
	// beginning.
	rest, ok := strings.CutPrefix(path, plain)
	return ok && pattern.Wildmatch(r.pattern[r.plain:], rest, pattern.GlobRules{Slashes: true})
}

// look finds what is said of the attributes of a file, given by its path from the repository's top. The rule
// that is nearest to the file counts, the last one of a file first; found holds macros too.
func (r *Rules) look(path string, found map[string]attrValue) {
	top := r
	for ; r != nil; r = r.up {
		inside := path[len(r.dir):]
		for i := len(r.rules) - 1; i >= 0; i-- {
			if r.rules[i].match(inside) {
				top.assign(r.rules[i].words, found, 0)
			}
		}
	}
}

// assign notes what is not known yet, the last word first; a macro stands for its words where it is set.
func (r *Rules) assign(words []assignment, found map[string]attrValue, depth int) {
	if depth > deepestMacro {
		return
	}
	for i := len(words) - 1; i >= 0; i-- {
		a := words[i]
		if found[a.name].state != attrUnknown {
			continue
		}
		found[a.name] = a.value
		if a.value.state == attrSet {
			r.assign(r.macros[a.name], found, depth+1)
		}
	}
}
