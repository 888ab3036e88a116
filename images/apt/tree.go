package apt

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// node is one member of unpacked packages.
type node struct {
	header tar.Header // Typeflag is TypeReg, TypeDir or TypeSymlink
	body   string     // a scratch file with the content; hard links share it
	size   int64
	owner  string // the package, by file name
}

// tree is unpacked packages, as one.
type tree struct {
	nodes   map[string]*node // by the name that the package gives it
	merged  map[string]*node // by mergedName, so that a library is found wherever the link and the package put it
	scratch string
	bodies  int
}

// runs tells whether a file may be a program or a library, as opposed to data that only looks like one:
// compilers ship damaged and foreign programs for their tests.
func (n *node) runs() bool {
	return n.header.Typeflag == tar.TypeReg && (n.header.Mode&0o111 != 0 || strings.Contains(path.Base(n.header.Name), ".so"))
}

func newTree(scratch string) *tree {
	return &tree{nodes: map[string]*node{}, merged: map[string]*node{}, scratch: scratch}
}

// add unpacks one package into the tree: the members for which want is true.
func (t *tree) add(ctx context.Context, deb string, want func(name string) bool) error {
	return Unpack(ctx, deb, func(h *tar.Header, r io.Reader) error {
		if !want(h.Name) {
			return nil
		}
		n := &node{header: *h, size: h.Size, owner: filepath.Base(deb)}
		if old := t.nodes[h.Name]; old != nil {
			if old.header.Typeflag == tar.TypeDir && h.Typeflag == tar.TypeDir {
				return nil
			}
			return fmt.Errorf("%s is also in %s", h.Name, old.owner)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			n.body = filepath.Join(t.scratch, strconv.Itoa(t.bodies))
			t.bodies++
			if err := writeBody(n.body, r); err != nil {
				return err
			}
		case tar.TypeLink:
			to := t.nodes[h.Linkname]
			if to == nil {
				// The first of the links was not wanted, and its content is gone.
				return fmt.Errorf("%s is a hard link to %s, which is left out", h.Name, h.Linkname)
			}
			n.body, n.size, n.header.Typeflag = to.body, to.size, tar.TypeReg
		}
		t.nodes[h.Name] = n
		m := mergedName(h.Name)
		if m != h.Name && h.Typeflag == tar.TypeSymlink && !strings.Contains(h.Name, "/") {
			return nil // the very link that makes them one: /lib to usr/lib
		}
		if t.merged[m] == nil || t.merged[m].header.Typeflag == tar.TypeDir {
			t.merged[m] = n
		}
		return nil
	})
}

func writeBody(name string, r io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// mergedName is the name in a system where /bin, /sbin and /lib* are links into /usr, as in every Debian
// since bookworm. Packages of older suites, and some of newer ones, still say /lib.
func mergedName(name string) string {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case "bin", "sbin", "lib", "lib32", "lib64", "libx32":
		return path.Join("usr", first, rest)
	}
	return name
}

// file finds the file at a name, relative to the root or absolute, through the symbolic links of the tree.
func (t *tree) file(name string) *node {
	at := "/"
	todo := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	for links := 0; len(todo) > 0; {
		at = path.Join(at, todo[0])
		todo = todo[1:]
		n := t.merged[mergedName(strings.TrimPrefix(at, "/"))]
		if n == nil {
			continue // a folder that no package lists
		}
		if n.header.Typeflag != tar.TypeSymlink {
			if len(todo) == 0 && n.header.Typeflag == tar.TypeReg {
				return n
			}
			continue
		}
		if links++; links > 40 { // as in Linux
			return nil
		}
		to := n.header.Linkname
		if path.IsAbs(to) {
			at = "/"
		} else {
			at = path.Dir(at)
		}
		todo = append(strings.Split(strings.Trim(to, "/"), "/"), todo...)
	}
	return nil
}
