package images

import (
	"archive/tar"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// toolsFolder is the folder of an image below which each tool's files lie, in a folder of the tool's own.
// What is called is a link to it. So the layers of the tools do not depend on the base nor on each other, and
// one stack of them serves all combinations of a matrix: only the topmost layer, of links, differs. Docker's
// storage shares layers by all that lies below them.
const toolsFolder = ".bisect"

// links is the topmost layer of an image: links to what is picked, whiteouts over the base's own where a tool
// is absent, and over the tools that lie below for the sake of other images. It is nil if nothing is to be
// done.
func links(fs *rootfs, picks []resolvedPick, payloads []*toolLayer, pool []*toolLayer) (v1.Layer, error) {
	base := fs.tree
	placed, err := place(fs, picks, payloads)
	if err != nil {
		return nil, err
	}
	at := map[string]tar.Header{} // by absolute path
	takes := map[string]string{}  // path to the tool that put its link there
	for i, p := range picks {
		if p.Absent {
			continue
		}
		for _, from := range slices.Sorted(maps.Keys(placed[i])) {
			to := placed[i][from].to
			real, err := base.place(from, placed[i][from].folder)
			if err != nil {
				return nil, fmt.Errorf("toolchain %s %s: %s: %w", p.Tool, p.Version, from, err)
			}
			switch other, ok := takes[real]; {
			case ok && other != p.Tool:
				return nil, fmt.Errorf("tools %s and %s: both go to %s; give one of them another dest", other, p.Tool, from)
			case ok && at[real].Linkname != to:
				return nil, fmt.Errorf("tool %s: two of its files go to %s in this base, one by way of a link", p.Tool, real)
			}
			takes[real] = p.Tool
			at[real] = tar.Header{Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
		}
	}
	for name := range takes {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if other, ok := takes[dir]; ok {
				return nil, fmt.Errorf("tools %s and %s: %s lies in the folder %s of the other; give one of them another dest", takes[name], other, name, dir)
			}
		}
	}
	for i, p := range picks {
		for _, h := range p.hide {
			real, ok := base.has(h)
			if _, taken := takes[real]; !ok || taken {
				continue // one tool's way of hiding itself must not hide what another puts there
			}
			if p.Absent {
				at[path.Join(path.Dir(real), whiteout+path.Base(real))] = tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}
			} else {
				// Whatever asks for the tool by this path gets the version picked, too.
				at[real] = tar.Header{Typeflag: tar.TypeSymlink, Linkname: payloads[i].to, Mode: 0o777}
			}
		}
	}
	used := map[string]bool{}
	for _, p := range payloads {
		if p != nil {
			used[p.id] = true
		}
	}
	for _, p := range pool {
		if !used[p.id] {
			at[path.Join("/", toolsFolder, whiteout+p.id)] = tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}
		}
	}
	if len(at) == 0 {
		return nil, nil
	}

	var headers []tar.Header
	parents := map[string]bool{}
	for name, h := range at {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			parents[dir] = true
		}
		h.Name = strings.TrimPrefix(name, "/")
		headers = append(headers, h)
	}
	// A layer that leaves parents out would have the engine make them up, with modes of its own.
	for dir := range parents {
		d := base.dir(dir)
		headers = append(headers, tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir, "/") + "/", Mode: d.Mode, Uid: d.UID, Gid: d.GID})
	}
	return newLinkLayer(headers)
}
