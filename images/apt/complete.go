package apt

import (
	"archive/tar"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Some programs look for what they need in places that are theirs alone, and elsewhere if it is not there:
// beside themselves they would find it wherever they lie, in the system's folders they find that of another
// version. What follows puts it beside them.

// complete adds to the tree what its programs find relative to themselves, and no package has there.
func (t *tree) complete(bodies *int) error {
	var more []*node
	for name, n := range t.nodes {
		switch {
		case compilerFolder.MatchString(name):
			more = append(more, t.binutils(path.Dir(name))...)
		case pythonFolder.MatchString(name) && n.header.Typeflag == tar.TypeReg:
			added, err := t.dist(pythonFolder.FindStringSubmatch(name)[1], bodies)
			if err != nil {
				return err
			}
			more = append(more, added)
		}
	}
	for _, n := range more {
		if t.nodes[n.header.Name] == nil {
			t.nodes[n.header.Name] = n
			t.merged[mergedName(n.header.Name)] = n
		}
	}
	return nil
}

// compilerFolder holds the programs of one version of GCC; it asks there for as and ld before it asks PATH.
var compilerFolder = regexp.MustCompile(`^usr/lib(?:exec)?/gcc/[^/]+/[^/]+/collect2$`)

// binutils are links in a folder of GCC's to the assembler and the linker that it was released with.
func (t *tree) binutils(folder string) []*node {
	var links []*node
	triplet := path.Base(path.Dir(folder))
	for _, name := range []string{"ar", "as", "ld", "ld.bfd", "ld.gold", "nm", "objcopy", "ranlib", "strip"} {
		if to := "usr/bin/" + triplet + "-" + name; t.nodes[to] != nil {
			links = append(links, &node{header: tar.Header{Typeflag: tar.TypeSymlink, Name: folder + "/" + name, Linkname: "/" + to, Mode: 0o777}})
		}
	}
	return links
}

// pythonFolder is told by the file by which Python tells its library, too.
var pythonFolder = regexp.MustCompile(`^usr/lib/python(3\.[0-9]+)/os\.py$`)

// dist has Python look behind its own modules for those that the system has for it, as it would if it lay in
// /usr.
func (t *tree) dist(version string, bodies *int) (*node, error) {
	text := strings.ReplaceAll("/usr/local/lib/python{}/dist-packages\n/usr/lib/python3/dist-packages\n/usr/lib/python{}\n/usr/lib/python{}/lib-dynload\n", "{}", version)
	n := &node{
		header: tar.Header{Typeflag: tar.TypeReg, Name: "usr/local/lib/python" + version + "/dist-packages/system.pth", Mode: 0o644},
		body:   filepath.Join(t.scratch, strconv.Itoa(*bodies)), size: int64(len(text)),
	}
	*bodies++
	return n, writeBody(n.body, strings.NewReader(text))
}
