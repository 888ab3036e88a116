package apt

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"buildbisect/images/relink"
)

// Payload is packages to be laid over any system without touching what that system has: the packages' own
// files and those of what they depend on, as one tree, and apart from that tree the loader and the libraries
// that their programs need.
type Payload struct {
	Own     []string  // .deb files whose files are wanted
	With    []string  // .deb files that they depend on and whose files are wanted, too, but for the libraries
	Closure []string  // .deb files in which loader and libraries are looked for; may contain those of Own and With
	Prefix  string    // the absolute folder for it all, like /.bisect/4f9e
	Time    time.Time // of every file
	Scratch string    // folder for what is unpacked meanwhile; "": the system's own for temporary files
}

// leftOut are the folders that no build asks for.
var leftOut = []string{
	"usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "usr/share/bash-completion",
}

// Assemble emits the tool layer, folders before what is in them, sorted; the same packages give the same
// members on any machine. Names are relative to the system's root, those of folders end in a slash; Prefix
// itself is the first.
//
//	PREFIX/lib/NAME      the loader and the libraries, each under the name it is asked for
//	PREFIX/root/PATH     what the packages would install at /PATH
//
// Programs below root use the loader and the libraries in lib, whatever the system has. Owners and modes are
// the packages'. Links between the packages' files stay such links; others lead to the system's files.
func (p Payload) Assemble(ctx context.Context, emit func(hdr *tar.Header, r io.Reader) error) (c Contents, err error) {
	if !plainPath.MatchString(p.Prefix) || path.Clean(p.Prefix) != p.Prefix {
		return Contents{}, fmt.Errorf("assemble: prefix %q: want a clean absolute path", p.Prefix)
	}
	scratch, err := os.MkdirTemp(p.Scratch, "bisect-deb-")
	if err != nil {
		return Contents{}, fmt.Errorf("assemble: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if c, err = p.assemble(ctx, scratch, emit); err != nil {
		return Contents{}, fmt.Errorf("assemble: %w", err)
	}
	return c, nil
}

func (p Payload) assemble(ctx context.Context, scratch string, emit func(hdr *tar.Header, r io.Reader) error) (Contents, error) {
	none := Contents{}
	own := newTree(scratch)
	for _, deb := range p.Own {
		if err := own.add(ctx, deb, func(name string) bool { return !isLeftOut(name) }); err != nil {
			return none, err
		}
	}
	strict := map[*node]bool{}
	for _, n := range own.nodes {
		strict[n] = true
	}
	for _, deb := range p.With {
		if slices.Contains(p.Own, deb) {
			continue
		}
		// Libraries of the usual folders are for their programs alone, from lib: what a compiler links must
		// not find them.
		err := own.add(ctx, deb, func(name string) bool {
			old := own.nodes[name]
			return !isLeftOut(name) && !isPlainLibrary(name) && (old == nil || old.header.Typeflag == tar.TypeDir)
		})
		if err != nil {
			return none, err
		}
	}
	all := &tree{nodes: maps.Clone(own.nodes), merged: maps.Clone(own.merged), scratch: scratch, bodies: own.bodies}
	for _, deb := range p.Closure {
		if slices.Contains(p.Own, deb) {
			continue
		}
		if err := all.add(ctx, deb, func(name string) bool { return isLibrary(name) && all.nodes[name] == nil }); err != nil {
			return none, err
		}
	}
	c := own.contents()
	if err := own.complete(&all.bodies); err != nil {
		return none, err
	}

	libs := map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(own.nodes)) {
		n := own.nodes[name]
		if !n.runs() {
			continue
		}
		prog, ok, err := openProgram(name, n)
		if err == nil && ok {
			err = all.libraries(prog, libs)
		}
		if err != nil && strict[n] {
			return none, err
		}
		if err != nil { // a plug-in of a dependency, perhaps, for something that the packages merely recommend
			c.Lacking["/"+name] = err.Error()
		}
	}
	return c, p.emit(own, libs, emit)
}

// emit writes what has been chosen.
func (p Payload) emit(own *tree, libs map[string]*node, emit func(*tar.Header, io.Reader) error) error {
	prefix := strings.TrimPrefix(p.Prefix, "/")
	members := map[string]*node{}
	folder := func(name string) {
		if members[name] == nil {
			members[name] = &node{header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
		}
	}
	for _, dir := range []string{prefix, prefix + "/lib", prefix + "/root"} {
		folder(dir)
	}
	for name, n := range libs {
		lib := *n
		lib.header.Mode &= 0o777
		members[prefix+"/lib/"+name] = &lib
	}
	for name, n := range own.nodes {
		full := prefix + "/root/" + name
		members[full] = n
		for dir := path.Dir(full); len(dir) > len(prefix); dir = path.Dir(dir) {
			if own.nodes[strings.TrimPrefix(dir, prefix+"/root/")] == nil {
				folder(dir)
			}
		}
	}

	written := map[string]string{} // scratch file -> the member below root that has its content: the others link to it
	for _, name := range sortedMembers(members) {
		n := members[name]
		h := &tar.Header{Typeflag: n.header.Typeflag, Name: name, Mode: n.header.Mode & 0o7777, Uid: n.header.Uid, Gid: n.header.Gid, ModTime: p.Time}
		below, ours := strings.CutPrefix(name, prefix+"/root/")
		var err error
		switch {
		case h.Typeflag == tar.TypeDir:
			h.Name += "/"
			err = emit(h, strings.NewReader(""))
		case h.Typeflag == tar.TypeSymlink:
			h.Linkname = own.relocated(below, n.header.Linkname)
			err = emit(h, strings.NewReader(""))
		case ours && written[n.body] != "":
			h.Typeflag, h.Linkname = tar.TypeLink, written[n.body]
			err = emit(h, strings.NewReader(""))
		default:
			if ours {
				written[n.body] = name
			}
			err = p.emitFile(h, n, ours, emit)
		}
		if err != nil {
			return fmt.Errorf("assemble: %s: %w", name, err)
		}
	}
	return nil
}

// emitFile emits a file, relinked if it is a program, or a library that looks elsewhere for what it needs.
// What cannot be read as either is left as it is: where that matters, the packages have been refused before.
func (p Payload) emitFile(h *tar.Header, n *node, ours bool, emit func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(n.body)
	if err != nil {
		return err
	}
	defer f.Close()
	h.Size = n.size
	if ours && !n.runs() {
		return emit(h, f)
	}
	b, ok, err := relink.Open(f)
	if err != nil && !ours {
		return err
	}
	if err != nil || !ok || len(b.Path) == 0 && (!ours || b.Interp == "") {
		return emit(h, f)
	}
	r, err := b.Relink(n.size, p.Prefix+"/lib")
	if err != nil {
		return err
	}
	h.Size = r.Size
	return emit(h, r.Reader())
}

// relocated is where a symbolic link at name must lead once its tree lies elsewhere: to the tree's own file
// by a relative path, and to any other by an absolute one.
func (t *tree) relocated(name, link string) string {
	to := linked(name, link)
	real, ok := t.own(to)
	if !ok {
		return "/" + to
	}
	if !path.IsAbs(link) && real == to {
		return link
	}
	up := strings.Repeat("../", strings.Count(name, "/"))
	return up + real
}

// linked is the name to which a symbolic link at name leads.
func linked(name, link string) string {
	if !path.IsAbs(link) {
		link = path.Join("/", path.Dir(name), link)
	}
	return strings.TrimPrefix(path.Clean(link), "/")
}

// own finds the name that the packages themselves give to what lies at name, if they bring it.
func (t *tree) own(name string) (string, bool) {
	if t.nodes[name] != nil {
		return name, true
	}
	if n := t.merged[mergedName(name)]; n != nil {
		return n.header.Name, true
	}
	if n := t.file(name); n != nil { // by way of a folder that is a link
		return n.header.Name, true
	}
	return "", false
}

// sortedMembers sorts names so that a folder precedes what is in it, and all of that what follows the folder.
func sortedMembers(members map[string]*node) []string {
	var names []string
	for name := range members {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	return names
}

func isLeftOut(name string) bool {
	return slices.ContainsFunc(leftOut, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

// isPlainLibrary tells the shared libraries that every program finds, and the links to them.
func isPlainLibrary(name string) bool {
	dir := strings.Split(path.Dir(mergedName(name)), "/")
	return isLibrary(name) && (len(dir) == 2 || len(dir) == 3 && strings.Contains(dir[2], "-linux-"))
}

// isLibrary tells what of a package may be needed as a library: files and links of such a name in a folder
// for them.
func isLibrary(name string) bool {
	name = mergedName(name)
	return strings.HasPrefix(name, "usr/lib") && strings.Contains(path.Base(name), ".so")
}
