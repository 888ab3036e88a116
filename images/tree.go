package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// whiteout before a file's name hides that file of the layers below.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq" // hides all that the layers below have in its folder
)

// tree is what must be known of a base to lay a tool over it: its folders with their modes, its symbolic links, and
// which of the places where tools may be are taken. A layer that wrote bin/tool over a base where bin is a link to
// usr/bin would replace the link, and with it every program.
type tree struct {
	nodes map[string]node // by absolute path
}

type node struct {
	kind     byte // tar.TypeDir, tar.TypeSymlink or tar.TypeReg, which stands for all else
	mode     int64
	uid, gid int
	link     string
}

// readTree reads the layers of a base, lowest first. Of plain files only those whose base name is in names are kept.
func readTree(layers []v1.Layer, names map[string]bool) (*tree, error) {
	t := &tree{nodes: map[string]node{}}
	for _, l := range layers {
		if err := t.apply(l, names); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *tree) apply(l v1.Layer, names map[string]bool) error {
	r, err := l.Uncompressed()
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
		n := node{kind: tar.TypeReg, mode: h.Mode & 0o7777, uid: h.Uid, gid: h.Gid, link: h.Linkname}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeSymlink {
			n.kind = h.Typeflag
		}
		upper[name] = n
	}
	for name, n := range upper {
		if old, ok := t.nodes[name]; ok && old.kind == tar.TypeDir && n.kind != tar.TypeDir {
			t.remove(name, false)
		}
		if n.kind == tar.TypeReg && !names[path.Base(name)] {
			delete(t.nodes, name)
			continue
		}
		t.nodes[name] = n
	}
	return nil
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
	if n, ok := t.nodes[name]; ok && n.kind == tar.TypeDir {
		return n
	}
	return node{kind: tar.TypeDir, mode: 0o755}
}

// real follows the symbolic links among the folders of name, as the kernel would; the last element itself is not followed.
func (t *tree) real(name string) (string, error) {
	const most = 40 // links followed before it counts as a loop, as in Linux
	todo := strings.Split(strings.TrimPrefix(path.Clean(name), "/"), "/")
	at := "/"
	for links := 0; len(todo) > 0; {
		at = path.Join(at, todo[0]) // ".." leads up from where the links have led, never above the root
		todo = todo[1:]
		n := t.nodes[at]
		if n.kind != tar.TypeSymlink || len(todo) == 0 {
			continue
		}
		if links++; links > most {
			return "", fmt.Errorf("%s: too many symbolic links in the base", name)
		}
		todo = append(strings.Split(n.link, "/"), todo...)
		if at = path.Dir(at); path.IsAbs(n.link) {
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

// place returns where a file laid over the base as name must really go.
func (t *tree) place(name string) (string, error) {
	real, err := t.real(name)
	if err != nil {
		return "", err
	}
	if t.nodes[real].kind == tar.TypeDir {
		return "", fmt.Errorf("is a folder in the base; give another")
	}
	return real, nil
}
