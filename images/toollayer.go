package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"buildbisect/images/apt"
	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// toolLayer is a tool made: one layer with its files in a folder of their own, and the links that lead to
// them.
type toolLayer struct {
	id     string // of the folder below toolsFolder
	layer  *fileLayer
	links  map[string]string // absolute path in an image -> absolute path in the layer
	to     string            // absolute path of the program in the layer
	source catalogue.Source  // that served
	made   contents
	title  string // for the image's history
}

// contents is what a provider says of the tool layer it has written. It lies in the cache beside the layer.
type contents struct {
	Links    map[string]string `json:"links"`              // absolute path in an image -> path within the tool layer
	Program  string            `json:"program"`            // path within the tool layer
	Go       string            `json:"go,omitempty"`       // what compiled it, like go1.26.8
	Packages []apt.Package     `json:"packages,omitempty"` // what it was taken from
	Parts    []*part           `json:"parts,omitempty"`    // of a Debian package's tree, by package; see [placement]
	Date     string            `json:"date,omitempty"`     // of the archive's Release, when Packages were looked up
}

// all are the links to a tool layer where it is not laid over a base: of a Debian package's tree, to what is
// the tool itself.
func (c contents) all() map[string]string {
	all := map[string]string{}
	for _, p := range c.Parts {
		for _, file := range p.Files {
			if to := "root" + file; p.Own && to != c.Program {
				all[file] = to
			}
		}
	}
	maps.Copy(all, c.Links)
	return all
}

const (
	contentsName = "contents.json"
)

// toolLayerWriter writes the layer of a tool layer. Times are fixed, and missing parents are made.
type toolLayerWriter struct {
	tar  *tar.Writer
	root string // within the layer
	dirs map[string]bool
}

func newPayloadWriter(w io.Writer, id string) *toolLayerWriter {
	return &toolLayerWriter{tar: tar.NewWriter(w), root: path.Join(toolsFolder, id), dirs: map[string]bool{}}
}

// add writes one member; its name is a path within the tool layer. The reader is read for regular files
// alone.
func (w *toolLayerWriter) add(h tar.Header, r io.Reader) error {
	folder := h.Typeflag == tar.TypeDir
	name := path.Join(w.root, path.Clean("/"+h.Name))
	if err := w.parents(path.Dir(name)); err != nil {
		return err
	}
	if folder {
		if w.dirs[name] {
			return nil
		}
		w.dirs[name] = true
		name += "/"
	}
	// Only what every tar reader understands the same way, and nothing of where it came from.
	clean := tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid, Size: h.Size, ModTime: fixedTime()}
	if h.Typeflag == tar.TypeLink {
		clean.Linkname = path.Join(w.root, path.Clean("/"+h.Linkname))
	}
	if err := w.tar.WriteHeader(&clean); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	if _, err := io.Copy(w.tar, r); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// addAt is add for a member whose name is an absolute path in an image, below the tool layer's own folder.
func (w *toolLayerWriter) addAt(h *tar.Header, r io.Reader) error {
	inside := func(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/"+w.root) }
	m := *h
	m.Name = inside(h.Name)
	if h.Typeflag == tar.TypeLink {
		m.Linkname = inside(h.Linkname)
	}
	return w.add(m, r)
}

func (w *toolLayerWriter) parents(dir string) error {
	if dir == "." || w.dirs[dir] {
		return nil
	}
	if err := w.parents(path.Dir(dir)); err != nil {
		return err
	}
	w.dirs[dir] = true
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: fixedTime()})
}

// program writes one executable file.
func (w *toolLayerWriter) program(name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: info.Size()}, f)
}

// toolLayer makes a tool, or finds it: what has served once serves as long as this Builder lives.
func (b *Builder) toolLayer(ctx context.Context, t catalogue.Toolchain) (*toolLayer, error) {
	if b.parts().held.locked && b.parts().held.lock.tool(t) == nil {
		return nil, b.parts().held.drift(t.Tool+" "+t.Version, "the lock lacks it, or has it from another description")
	}
	p, err := b.payloads.get(ctx, t.Tool+" "+t.Version, func() (*toolLayer, error) { return b.serve(ctx, t) }, (*toolLayer).intact)
	switch {
	case err == nil:
		return p, b.parts().held.hold(t, p)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("toolchain %s %s: %w", t.Tool, t.Version, err)
}

// serve has a tool in the first way that gave what is locked and lies in the cache, or else in the first that
// lies there, or else in the first that serves.
func (b *Builder) serve(ctx context.Context, t catalogue.Toolchain) (*toolLayer, error) {
	c, err := b.parts().cache()
	if err != nil {
		return nil, err
	}
	type known struct {
		candidate
		recipe string
	}
	var same, cached, others []known
	locked := b.parts().held.lock.tool(t)
	var errs []error
	for _, w := range b.candidates(t) {
		recipe, err := b.recipe(ctx, w)
		switch {
		case err != nil:
			errs = append(errs, err)
		case locked != nil && c.Layer("tools", recipe[:32]) == locked.Layer:
			same = append(same, known{w, recipe})
		case b.parts().held.locked && !w.locked:
		case c.Has("tools", recipe[:32]):
			cached = append(cached, known{w, recipe})
		default:
			others = append(others, known{w, recipe})
		}
	}
	ways := slices.Concat(same, cached, others)
	for i, w := range ways {
		p, err := again(func() (*toolLayer, error) { return b.make(ctx, t, w.candidate, w.recipe) })
		if err == nil || ctx.Err() != nil {
			return p, err
		}
		if i+1 < len(ways) {
			b.parts().progress(fmt.Sprintf("toolchain %s %s: %v; trying %s", t.Tool, t.Version, err, ways[i+1].candidate))
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (p *toolLayer) intact() bool { return p.layer.intact() }

// make makes a tool in one way.
func (b *Builder) make(ctx context.Context, t catalogue.Toolchain, w candidate, recipe string) (*toolLayer, error) {
	c, err := b.parts().cache()
	if err != nil {
		return nil, err
	}
	if f, ok := w.Source.(*catalogue.File); ok {
		// What lies in the cache is right, but the scenario would not be on another machine.
		if sum, err := fileSum(f); err == nil && sum != f.SHA256 {
			return nil, fmt.Errorf("%s: %w", w, differs(f, sum))
		}
	}
	step := b.parts().begin(t.Tool + " " + t.Version)
	defer step.end()
	p := &toolLayer{id: w.id(), source: w.Source, title: "bisect: " + path.Base(t.Dest), links: map[string]string{}}
	e, err := c.Get(ctx, "tools", recipe[:32], step.say, func(ctx context.Context, dir string) (map[string]string, error) {
		notes := map[string]string{"tool": t.Tool, "version": t.Version, "provider": w.Kind()}
		return notes, b.fill(ctx, step, t, w, p.id, dir)
	})
	if err != nil {
		return nil, err
	}
	f, err := e.File(cache.ToolLayer)
	if err != nil {
		return nil, err
	}
	p.layer = &fileLayer{e.Path(cache.ToolLayer), v1.Hash{Algorithm: "sha256", Hex: f.SHA256}, f.Size}
	if err := e.ReadJSON(contentsName, &p.made); err != nil {
		return nil, err
	}
	inside := func(name string) string { return path.Join("/", toolsFolder, p.id, name) }
	p.to = inside(p.made.Program)
	for at, to := range p.made.Links {
		p.links[at] = inside(to)
	}
	return p, nil
}

// fill writes a tool layer's cache entry. Scratch space is dir itself; only the layer and what it contains
// stays there.
func (b *Builder) fill(ctx context.Context, step *step, t catalogue.Toolchain, way candidate, id, dir string) error {
	out, err := os.OpenFile(filepath.Join(dir, cache.ToolLayer), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	w := newPayloadWriter(out, id)
	scratch := filepath.Join(dir, "scratch")
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	made, err := b.provide(ctx, job{step, t, w, scratch}, way)
	if err != nil {
		return fmt.Errorf("%s: %w", way, err)
	}
	if err := errors.Join(w.tar.Close(), out.Close(), os.RemoveAll(scratch)); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, contentsName), made)
}
