package unpack

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/xrash/smetrics"
)

// names are those seen so far in an archive, each with the kind of its member.
type names map[string]byte

// implied is the kind of a folder that is there only as part of a name.
const implied byte = 'i'

// admit returns a member's clean name, or "" if there is nothing to visit: the archive's own folder, or one
// seen before. What it has admitted can be unpacked in that order without following a link: nothing lies
// below a name that is no folder, and no folder becomes something else later.
func (n names) admit(h *tar.Header) (string, error) {
	name, err := clean(h.Name)
	if err != nil || name == "." {
		return "", err
	}
	for i, c := range name {
		if c != '/' {
			continue
		}
		switch k, ok := n[name[:i]]; {
		case !ok:
			n[name[:i]] = implied
		case k != implied && k != tar.TypeDir:
			return "", fmt.Errorf("it lies below %q, which is no folder", name[:i])
		}
	}
	switch k, ok := n[name]; {
	case !ok || k == implied && h.Typeflag == tar.TypeDir:
	case k == tar.TypeDir && h.Typeflag == tar.TypeDir:
		return "", nil // as when an archive was added to
	default:
		return "", errors.New("it is there twice")
	}
	n[name] = h.Typeflag
	return name, nil
}

// of returns the names of some kinds.
func (n names) of(kinds ...byte) []string {
	var out []string
	for name, k := range n {
		if slices.Contains(kinds, k) {
			out = append(out, name)
		}
	}
	return out
}

// longest is the longest name that Linux takes, in bytes.
const longest = 4095

// clean returns a name without its dots, or an error if it leads out of the archive.
func clean(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("it has no name")
	case len(name) > longest:
		return "", fmt.Errorf("its name has %d bytes, which is more than a name can have", len(name))
	case strings.ContainsRune(name, 0):
		return "", errors.New("its name has a NUL in it")
	case path.IsAbs(name):
		return "", errors.New("its name is absolute")
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", errors.New("its name has .. in it")
	}
	return path.Clean(name), nil
}

// staysWithin checks the target of a symbolic link, given the link's own name. Its folder is a real one, as
// admit sees to, so that what .. means at the target's beginning is known. Behind a name it is not: that name
// may be a link to higher up, and .. from there leads out of the tree.
func staysWithin(name, target string) error {
	switch {
	case target == "":
		return errors.New("it is a link to nothing")
	case len(target) > longest:
		return errors.New("it is a link to a name longer than one can be")
	case path.IsAbs(target):
		return fmt.Errorf("it is a link to %q, which leads out of the folder", target)
	case strings.ContainsRune(target, 0):
		return errors.New("it is a link to a name with a NUL in it")
	}
	up := strings.Count(name, "/") // how many folders the link lies in
	down := false
	for _, part := range strings.Split(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return fmt.Errorf("it is a link to %q: where .. leads behind a name is not known", target)
			}
			if up--; up < 0 {
				return fmt.Errorf("it is a link to %q, which leads out of the folder", target)
			}
		default:
			down = true
		}
	}
	return nil
}

// nearest lists at most ten names of what is there, those first that were most likely meant.
func nearest(want string, have []string) string {
	const (
		most = 10
		long = 200 // bytes; longer names are not compared
	)
	distances := map[string]int{}
	for _, name := range have {
		d := len(name) + len(want)
		if d < 2*long {
			d = smetrics.WagnerFischer(want, name, 1, 1, 1)
		}
		if path.Base(name) != path.Base(want) {
			d += 2 * long // the same file in another folder comes first
		}
		distances[name] = d
	}
	slices.SortFunc(have, func(a, b string) int {
		return cmp.Or(cmp.Compare(distances[a], distances[b]), cmp.Compare(a, b))
	})
	if len(have) == 0 {
		return "it holds none"
	}
	text := "it holds "
	for i, name := range have[:min(most, len(have))] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", name)
	}
	if more := len(have) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
