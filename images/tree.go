package images

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"buildbisect/images/apt"
)

// whiteout before a file's name hides that file of the layers below.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq" // hides all that the layers below have in its folder
)

// tree is what must be known of a base to lay a tool over it: its folders with their modes, its symbolic
// links, and its programs. A layer that wrote bin/tool over a base where bin is a link to usr/bin would
// replace the link, and with it every program.
type tree struct {
	nodes map[string]node // by absolute path
}

// node is kept in the cache, hence the short names.
type node struct {
	Kind byte   `json:"k"` // tar.TypeDir, tar.TypeSymlink or tar.TypeReg, which stands for all else
	Mode int64  `json:"m,omitempty"`
	UID  int    `json:"u,omitempty"`
	GID  int    `json:"g,omitempty"`
	Link string `json:"l,omitempty"`
}

// described is a tree and what else is learned in reading it.
type described struct {
	tree
	packages []string // names and versions of what dpkg has installed, sorted

	full     bool // all files are kept, and of dpkg's database what follows
	controls []apt.Control
	owned    map[string]map[string]bool // by package, the paths that it has in the system
}

// opener opens a layer.
type opener func() (io.ReadCloser, error)

// dpkgStatus is where dpkg keeps its database, and dpkgLists the folder of its lists of files.
const (
	dpkgStatus = "/var/lib/dpkg/status"
	dpkgLists  = "/var/lib/dpkg/info"
)

// readTree reads the layers of a base, lowest first. Of plain files only those that can be executed are kept.
func readTree(layers []opener) (*described, error) {
	t := &described{tree: tree{nodes: map[string]node{}}}
	for _, l := range layers {
		if err := t.apply(l); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *described) apply(open opener) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	// A layer's whiteouts are about the layers below it alone, wherever they stand in it: so they go first.
	upper := map[string]node{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("layer: %w", err)
		}
		name := path.Clean("/" + h.Name)
		dir, base := path.Split(name)
		switch {
		case base == opaque:
			t.remove(path.Clean(dir), false)
			continue
		case strings.HasPrefix(base, whiteout):
			t.remove(dir+strings.TrimPrefix(base, whiteout), true)
			continue
		}
		if err := t.database(name, in); err != nil {
			return fmt.Errorf("layer: %s: %w", name, err)
		}
		n := node{Kind: tar.TypeReg, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Link: h.Linkname}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeSymlink {
			n.Kind = h.Typeflag
		}
		upper[name] = n
	}
	for name, n := range upper {
		if old, ok := t.nodes[name]; ok && old.Kind == tar.TypeDir && n.Kind != tar.TypeDir {
			t.remove(name, false)
		}
		if n.Kind == tar.TypeReg && n.Mode&0o111 == 0 && !t.full {
			delete(t.nodes, name)
			continue
		}
		t.nodes[name] = n
	}
	return nil
}

// database takes from a file of dpkg's what is to be known of it.
func (t *described) database(name string, in io.Reader) (err error) {
	list, isList := strings.CutSuffix(name, ".list")
	switch {
	case name == dpkgStatus && t.full:
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		t.controls, err = apt.ParseControls(string(text))
		return err
	case name == dpkgStatus:
		t.packages, err = installed(in)
	case t.full && isList && path.Dir(name) == dpkgLists:
		pkg, _, _ := strings.Cut(path.Base(list), ":")
		files := map[string]bool{}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			files[lines.Text()] = true
		}
		t.owned[pkg] = files
		return lines.Err()
	}
	return err
}

// installed lists the packages in a dpkg database, as name and version.
func installed(r io.Reader) ([]string, error) {
	var all []string
	pkg, version := "", ""
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "Package":
			pkg = value
		case "Version":
			version = value
		case "":
			if pkg != "" {
				all = append(all, pkg+" "+version)
			}
			pkg, version = "", ""
		}
	}
	if pkg != "" {
		all = append(all, pkg+" "+version)
	}
	slices.Sort(all)
	return all, lines.Err()
}

// remove drops what is below name, and name itself if self is set.
func (t *tree) remove(name string, self bool) {
	if self {
		delete(t.nodes, name)
	}
	below := strings.TrimSuffix(name, "/") + "/"
	for n := range t.nodes {
		if strings.HasPrefix(n, below) {
			delete(t.nodes, n)
		}
	}
}

// dir returns the attributes that folder name has in the base, or the usual ones.
func (t *tree) dir(name string) node {
	if n, ok := t.nodes[name]; ok && n.Kind == tar.TypeDir {
		return n
	}
	return node{Kind: tar.TypeDir, Mode: 0o755}
}

// real follows the symbolic links among the folders of name, as the kernel would; the last element itself is
// not followed.
func (t *tree) real(name string) (string, error) {
	const most = 40 // links followed before it counts as a loop, as in Linux
	todo := strings.Split(strings.TrimPrefix(path.Clean(name), "/"), "/")
	at := "/"
	for links := 0; len(todo) > 0; {
		at = path.Join(at, todo[0]) // ".." leads up from where the links have led, never above the root
		todo = todo[1:]
		n := t.nodes[at]
		if n.Kind != tar.TypeSymlink || len(todo) == 0 {
			continue
		}
		if links++; links > most {
			return "", fmt.Errorf("%s: too many symbolic links in the base", name)
		}
		todo = append(strings.Split(n.Link, "/"), todo...)
		if at = path.Dir(at); path.IsAbs(n.Link) {
			at = "/"
		}
	}
	return at, nil
}

// has reports whether the base has something at name, and where that really is.
func (t *tree) has(name string) (string, bool) {
	real, err := t.real(name)
	if err != nil {
		return "", false // nothing can be reached by such a path
	}
	_, ok := t.nodes[real]
	return real, ok
}

// place returns where a file, or a link in the place of a whole folder, laid over the base as name must
// really go.
func (t *tree) place(name string, folder bool) (string, error) {
	real, err := t.real(name)
	if err != nil {
		return "", err
	}
	if t.nodes[real].Kind == tar.TypeDir && !folder {
		return "", fmt.Errorf("is a folder in the base; give another")
	}
	return real, nil
}
