package apt

import (
	"archive/tar"
	"cmp"
	"slices"
)

// Contents is what a [Payload] has in its tree, apart from what its libraries are.
type Contents struct {
	Files   []File            // sorted by path; without folders
	Lacking map[string]string // path of a program or library of With -> why it cannot run
}

// File is a file or a link of a package, where the package would install it.
type File struct {
	Path string // absolute
	Deb  string // base name of the .deb file
	Link string // where a symbolic link leads within the tree, absolute; "": it is none, or leads out of the tree
}

// Find finds the file that a path stands for, through the links of the tree, and the packages on the way
// there.
func (c Contents) Find(path string) (file File, debs []string, ok bool) {
	for range 40 { // as in Linux
		i, found := slices.BinarySearchFunc(c.Files, path, func(f File, path string) int { return cmp.Compare(f.Path, path) })
		if !found {
			return File{}, nil, false
		}
		file = c.Files[i]
		debs = append(debs, file.Deb)
		if file.Link == "" {
			return file, debs, true
		}
		path = file.Link
	}
	return File{}, nil, false
}

func (t *tree) contents() Contents {
	c := Contents{Lacking: map[string]string{}}
	for name, n := range t.nodes {
		if n.header.Typeflag == tar.TypeDir {
			continue
		}
		f := File{Path: "/" + name, Deb: n.owner}
		if n.header.Typeflag == tar.TypeSymlink {
			if to, ok := t.own(linked(name, n.header.Linkname)); ok {
				f.Link = "/" + to
			}
		}
		c.Files = append(c.Files, f)
	}
	slices.SortFunc(c.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return c
}
