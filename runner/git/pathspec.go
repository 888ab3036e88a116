package git

import (
	"path"
	"strings"
)

// Paths is a set of files, given as git's pathspecs are, from the top of the tree. The zero value holds none.
//
// A pattern is a file, or a folder with all that is in it; with a slash at its end it is a folder only, and "." is
// everything. Where it has a *, a ? or a [, it is also tried as a glob of the whole path of a file, in which * and ?
// stand for a slash too: "*.mk" is every makefile of that name at any depth.
//
// go-git's pathspecs are shell patterns of one folder at a time; git's are described in gitglossary(7).
type Paths struct{ patterns []pattern }

type pattern struct {
	text  string // "" is everything
	fixed string // of text, what comes before the first special character; all of it when there is none
}

// ParsePaths reads pathspecs. Those that git would give a meaning beyond the above (":(exclude)docs", "[[:alpha:]]"),
// and those that lead out of the tree, are refused with a *PathspecError.
func ParsePaths(specs []string) (*Paths, error) {
	p := &Paths{}
	for _, spec := range specs {
		text, why := clean(spec)
		if why != "" {
			return nil, &PathspecError{Spec: spec, Why: why}
		}
		fixed := text
		if i := strings.IndexAny(text, `*?[\`); i >= 0 {
			fixed = text[:i]
		}
		p.patterns = append(p.patterns, pattern{text, fixed})
	}
	return p, nil
}

// clean returns a spec as tree entries are compared with it, or why it is refused.
func clean(spec string) (text, why string) {
	switch {
	case spec == "":
		return "", `it is empty; "." stands for everything`
	case strings.HasPrefix(spec, ":"):
		return "", "a colon at its beginning is magic in git, which is not understood here; put ./ before a name that has one"
	case strings.HasPrefix(spec, "/"):
		return "", "it is absolute; give it from the top of the repository"
	case strings.Contains(spec, "[[:"):
		return "", "classes of characters are not understood here; write them out, as in [a-z]"
	}
	text = path.Clean(spec)
	if text == ".." || strings.HasPrefix(text, "../") {
		return "", "it leads out of the repository"
	}
	if text == "." {
		return "", ""
	}
	if strings.HasSuffix(spec, "/") || strings.HasSuffix(spec, "/.") {
		text += "/"
	}
	return text, ""
}

// Match reports whether the set holds the file, link or submodule at path, given from the top of the tree.
func (p *Paths) Match(path string) bool { return p.match(path, false) }

// match tells submodules apart: like folders, they may be named with a slash at the end.
func (p *Paths) match(path string, submodule bool) bool {
	for _, pattern := range p.patterns {
		if pattern.match(path) || submodule && pattern.text == path+"/" {
			return true
		}
	}
	return false
}

func (p pattern) match(path string) bool {
	if p.names(path) || p.text == "" {
		return true
	}
	if len(p.fixed) == len(p.text) || !strings.HasPrefix(path, p.fixed) {
		return false
	}
	if wildmatch(p.text, path) {
		return true
	}
	// A folder whose own name is spelled as in the pattern, like pages/[id]/*.ts: git takes the name at its word.
	folder := path[:strings.LastIndexByte(path, '/')+1]
	return folder != "" && strings.HasPrefix(p.text, folder) && wildmatch(p.text[len(folder):], path[len(folder):])
}

// names reports whether path is what the pattern spells, or lies in it.
func (p pattern) names(path string) bool {
	rest, ok := strings.CutPrefix(path, p.text)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(p.text, "/"))
}

// mayHold reports whether something of the set may lie in a folder, whose path ends in a slash.
func (p *Paths) mayHold(folder string) bool {
	for _, pattern := range p.patterns {
		switch {
		case strings.HasPrefix(folder, pattern.text), strings.HasPrefix(pattern.text+"/", folder):
			return true
		case len(pattern.fixed) < len(pattern.text) && strings.HasPrefix(folder, pattern.fixed):
			return true
		}
	}
	return false
}
