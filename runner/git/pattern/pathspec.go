package pattern

import (
	"fmt"
	"strings"
)

// Paths is a set of files, given as git's pathspecs are (gitglossary(7)), from the top of the tree. The zero
// value holds none.
//
// A pattern is a file, or a folder with all that is in it; with a slash at its end it is a folder only, and
// "." is everything. Where it has a *, a ? or a [, it is also tried as a glob of the whole path of a file, in
// which * and ? stand for a slash too: "*.mk" is every makefile of that name at any depth. Before it may
// stand magic: :(glob), :(literal), :(icase), :(top) or :/, :(exclude) or :! or :^.
//
// go-git's pathspecs are shell patterns of one folder at a time, without magic.
type Paths struct{ patterns []pattern }

type pattern struct {
	text    string // "" is everything
	plain   int    // bytes of text before the first special character; all of it when there is none
	glob    bool   // :(glob): * and ? stop at slashes, ** does not
	fold    bool   // :(icase)
	exclude bool
}

// magicWords are those that may stand in :(…); their signs may follow the colon at once.
var magicWords = []struct {
	word string
	sign byte
}{{"top", '/'}, {"exclude", '!'}, {"literal", 0}, {"glob", 0}, {"icase", 0}}

// ParsePaths reads pathspecs. Those that lead out of the tree, or depend on a work tree (:(attr:…)), are
// refused with a *Error. Where all exclude, they do so from everything.
func Parse(specs []string) (*Paths, error) {
	p := &Paths{}
	all := true
	for _, spec := range specs {
		pattern, why := parsePathspec(spec)
		if why != "" {
			return nil, &Error{Spec: spec, Why: why}
		}
		all = all && pattern.exclude
		p.patterns = append(p.patterns, pattern)
	}
	if all && len(specs) > 0 {
		p.patterns = append(p.patterns, pattern{})
	}
	return p, nil
}

func parsePathspec(spec string) (p pattern, why string) {
	if spec == "" {
		return p, `it is empty; "." stands for everything`
	}
	magic, text, why := readMagic(spec)
	if why != "" {
		return p, why
	}
	if magic["literal"] && magic["glob"] {
		return p, "literal and glob contradict each other; leave one out"
	}
	p = pattern{text: text, glob: magic["glob"], fold: magic["icase"], exclude: magic["exclude"]}
	if !magic["top"] { // git takes what follows :/ as it stands
		if p.text, why = inTree(text); why != "" {
			return p, why
		}
	}
	p.plain = PlainLength(p.text)
	if magic["literal"] {
		p.plain = len(p.text)
	}
	return p, ""
}

// readMagic splits what stands before a pattern from it.
func readMagic(spec string) (magic map[string]bool, text, why string) {
	magic = map[string]bool{}
	text, isMagic := strings.CutPrefix(spec, ":")
	if !isMagic {
		return magic, spec, ""
	}
	if long, isLong := strings.CutPrefix(text, "("); isLong {
		words, rest, ended := strings.Cut(long, ")")
		if !ended {
			return nil, "", "its magic does not end; write :(glob)name"
		}
		for word := range strings.SplitSeq(words, ",") {
			switch {
			case word == "":
			case strings.HasPrefix(word, "attr:"):
				return nil, "", "attr magic asks the attributes of the work tree, not of each commit; name the files by their paths"
			case !knownMagic(word):
				return nil, "", fmt.Sprintf("%q is no magic; there are top, exclude, literal, glob and icase", word)
			}
			magic[word] = true
		}
		return magic, rest, ""
	}
	for text != "" && text[0] != ':' {
		word := ""
		for _, m := range magicWords {
			if m.sign == text[0] || m.sign == '!' && text[0] == '^' {
				word = m.word
			}
		}
		if word == "" && strings.IndexByte("\"#%&',-;<=>@_`~", text[0]) < 0 {
			return magic, text, ""
		}
		if word == "" {
			return nil, "", fmt.Sprintf("%q after its colon is no magic; put ./ before a name that has a colon", text[0])
		}
		magic[word] = true
		text = text[1:]
	}
	return magic, strings.TrimPrefix(text, ":"), ""
}

func knownMagic(word string) bool {
	for _, m := range magicWords {
		if m.word == word {
			return true
		}
	}
	return false
}

// inTree returns a path as tree entries are compared with it, or why it is refused.
func inTree(path string) (clean, why string) {
	if strings.HasPrefix(path, "/") {
		return "", "it is absolute; give it from the top of the repository"
	}
	var kept []string
	folder := true // the path ends in a slash
	for element := range strings.SplitSeq(path, "/") {
		folder = true
		switch element {
		case "", ".":
		case "..":
			if len(kept) == 0 {
				return "", "it leads out of the repository"
			}
			kept = kept[:len(kept)-1]
		default:
			kept, folder = append(kept, element), false
		}
	}
	clean = strings.Join(kept, "/")
	if folder && clean != "" {
		clean += "/"
	}
	return clean, ""
}

// Match reports whether the set holds the file, link or submodule at path, given from the top of the tree.
func (p *Paths) Match(path string) bool { return p.MatchEntry(path, false) }

// MatchEntry is [Paths.Match] that tells submodules apart: like folders, they may be named with a slash at
// the end.
func (p *Paths) MatchEntry(path string, submodule bool) bool {
	in := false
	for i := range p.patterns {
		pattern := &p.patterns[i]
		if in && !pattern.exclude || !pattern.match(path, submodule) {
			continue
		}
		if pattern.exclude {
			return false
		}
		in = true
	}
	return in
}

func (p *pattern) match(path string, submodule bool) bool {
	if p.text == "" || p.names(path) || submodule && p.same(p.text, path+"/") {
		return true
	}
	if p.plain == len(p.text) {
		return false
	}
	// In a folder whose own name is spelled as in the pattern, like pages/[id]/*.ts, git takes that name at
	// its word.
	if folder := strings.LastIndexByte(path, '/') + 1; folder > 0 && folder < len(p.text) && p.same(p.text[:folder], path[:folder]) {
		return p.wild(p.text[folder:], path[folder:], p.plain-folder)
	}
	return p.wild(p.text, path, p.plain)
}

// wild matches a glob whose first bytes have nothing special.
func (p *pattern) wild(glob, path string, plain int) bool {
	if plain < 0 && !p.glob && p.text[p.plain] == '*' && PlainLength(p.text[p.plain+1:]) == len(p.text)-p.plain-1 {
		// The pattern's only star is in the folder's own name; git passes over a byte behind that as if it
		// were here.
		return len(path) >= len(glob)-1 && p.same(path[len(path)-len(glob)+1:], glob[1:])
	}
	if plain > 0 {
		if len(path) < plain || !p.same(glob[:plain], path[:plain]) {
			return false
		}
		glob, path = glob[plain:], path[plain:]
	}
	return Wildmatch(glob, path, GlobRules{Slashes: p.glob, fold: p.fold})
}

// names reports whether path is what the pattern spells, or lies in it.
func (p *pattern) names(path string) bool {
	n := len(p.text)
	if len(path) < n || !p.same(p.text, path[:n]) {
		return false
	}
	return len(path) == n || path[n] == '/' || p.text[n-1] == '/'
}

// same compares two texts of the same length.
func (p *pattern) same(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if !p.fold {
		return a == b
	}
	for i := range len(a) {
		if Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// MayHold reports whether something of the set may lie in a folder, whose path ends in a slash. What is
// excluded is left to Match.
func (p *Paths) MayHold(folder string) bool {
	for i := range p.patterns {
		if pattern := &p.patterns[i]; !pattern.exclude && pattern.mayHold(folder) {
			return true
		}
	}
	return false
}

func (p *pattern) mayHold(folder string) bool {
	n := min(len(folder), len(p.text))
	if p.same(p.text[:n], folder[:n]) {
		return true
	}
	plain := min(p.plain, len(folder))
	return p.plain < len(p.text) && p.same(p.text[:plain], folder[:plain])
}

// Error says that a path to limit a history to cannot be understood.
type Error struct {
	Spec string
	Why  string // what is wrong and what to do
}

func (e *Error) Error() string { return fmt.Sprintf("path %q: %s", e.Spec, e.Why) }
