package scenarios

import (
	"io/fs"
	"slices"
	"strings"
)

// artifacts reads what of the work folder is kept of each trial.
func (d *decoder) artifacts(p place) []string {
	elements, ok := d.list(p)
	if ok && len(elements) == 0 {
		d.mistake(p, "want at least one path; leave artifacts out to keep none")
	}
	var all []string
	for _, element := range elements {
		path, ok := d.artifact(element)
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(other string) bool { return path == other || isBelow(path, other) || isBelow(other, path) })
		switch {
		case i < 0:
			all = append(all, path)
		case path == all[i]:
			d.mistake(element, "%s stands twice", short(path))
		default:
			d.mistake(element, "of %s and %s one lies in the other; name the outer one", short(path), short(all[i]))
		}
	}
	return all
}

// artifact reads the path of a file or folder in the work folder, written literally. A folder may end in a
// slash.
func (d *decoder) artifact(p place) (string, bool) {
	s, ok := d.line(p)
	if !ok {
		return "", false
	}
	switch path := strings.TrimSuffix(s, "/"); {
	case !fs.ValidPath(path), path == ".":
		d.mistake(p, "want a path inside the work folder, without . and .., such as out/ or build.log; got %q", short(s))
	case strings.ContainsAny(path, "*?[\\"):
		d.mistake(p, "want a path as it stands in the work folder; patterns are not supported, but a folder stands for all below it; got %q", short(s))
	default:
		return path, true
	}
	return "", false
}

func isBelow(path, folder string) bool { return strings.HasPrefix(path, folder+"/") }
