package images

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"buildbisect/images/apt"
)

// system is a base as dpkg knows it: which packages it has, and whose its files are.
type system struct {
	described
	paths []string // of all files and links, sorted
}

// asSystem reads a base's layers for what its tree leaves out. It is needed only for tools that bring more
// than libraries.
func (fs *rootfs) asSystem() (*system, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.system != nil {
		return fs.system, nil
	}
	var layers []opener
	for _, l := range fs.layers {
		layers = append(layers, func() (io.ReadCloser, error) { return l.Uncompressed() })
	}
	s := &system{described: described{tree: tree{nodes: map[string]node{}}, full: true, owned: map[string]map[string]bool{}}}
	for _, l := range layers {
		if err := s.apply(l); err != nil {
			return nil, fmt.Errorf("what packages the base has: %w", err)
		}
	}
	s.paths = slices.Sorted(maps.Keys(s.nodes))
	fs.system = s
	return s, nil
}

// below are the paths of what lies in a folder, at any depth.
func (s *system) below(folder string) []string {
	folder = strings.TrimSuffix(folder, "/") + "/"
	from, _ := slices.BinarySearch(s.paths, folder)
	to := from
	for to < len(s.paths) && strings.HasPrefix(s.paths[to], folder) {
		to++
	}
	return s.paths[from:to]
}

// installed is the package of that name, if the base has it.
func (s *system) installed(name string) (apt.Control, bool) {
	i := slices.IndexFunc(s.controls, func(c apt.Control) bool { return c.Name == name })
	if i < 0 {
		return apt.Control{}, false
	}
	return s.controls[i], true
}

// ofPackages reports whether a file of the base is one of these packages', or was made from theirs by Python.
func (s *system) ofPackages(file string, packages map[string]bool) bool {
	if path.Base(path.Dir(file)) == "__pycache__" {
		return true
	}
	for pkg := range packages {
		if s.owned[pkg][file] || s.owned[pkg][unmerged(file)] {
			return true
		}
	}
	return false
}

// unmerged is how packages of older suites call a file below /usr.
func unmerged(file string) string {
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/", "/usr/lib/"} {
		if strings.HasPrefix(file, dir) {
			return strings.TrimPrefix(file, "/usr")
		}
	}
	return file
}
