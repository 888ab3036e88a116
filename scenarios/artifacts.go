package scenarios

import (
	"io/fs"
	"slices"
	"strings"
)

// readArtifacts reads what of the work folder is kept of each trial.
func readArtifacts(p place) []string {
	elements, ok := p.list()
	if ok && len(elements) == 0 {
		p.mistake("want at least one path; leave artifacts out to keep none")
	}
	var all []string
	for _, element := range elements {
		path, ok := readArtifact(element)
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(other string) bool { return path == other || isBelow(path, other) || isBelow(other, path) })
		switch {
		case i < 0:
			all = append(all, path)
		case path == all[i]:
			element.mistake("%s stands twice", short(path))
		default:
			element.mistake("of %s and %s one lies in the other; name the outer one", short(path), short(all[i]))
		}
	}
	return all
}

// readArtifact reads the path of a file or folder in the work folder, written literally. A folder may end in a
// slash.
func readArtifact(p place) (string, bool) {
	s, ok := p.line()
	if !ok {
		return "", false
	}
	switch path := strings.TrimSuffix(s, "/"); {
	case !fs.ValidPath(path), path == ".":
		p.mistake("want a path inside the work folder, without . and .., such as out/ or build.log; got %q", short(s))
	case strings.ContainsAny(path, "*?[\\"):
		p.mistake("want a path as it stands in the work folder; patterns are not supported, but a folder stands for all below it; got %q", short(s))
	default:
		return path, true
	}
	return "", false
}

func isBelow(path, folder string) bool { return strings.HasPrefix(path, folder+"/") }
