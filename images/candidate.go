package images

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"buildbisect/images/apt"
	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// candidate is one attempt at having a tool: a source, what becomes of it in an image, and where a lock says
// so, exactly what it was made with and of.
type candidate struct {
	catalogue.Source
	shape    shape
	Go       string        // the Go to compile with; "": this machine's
	Packages []apt.Package // of a Debian package's closure, the package itself among them; nil: as the archive has them
	Date     string        // when a lock's Packages were current

	tree         int    // of a Debian package's tool layer: treeFormat, where what lies in the cache is meant
	locked       bool   // as the lock says
	trust, fresh string // of a Debian package; see Archives.trust and Builder.Fresh
}

// shape is where a tool's files go.
type shape struct {
	Dest, Tree, Program string
	Also                map[string]string
}

func shapeOf(t catalogue.Toolchain) shape { return shape{t.Dest, t.Tree, t.Program, t.Also} }

func (w candidate) String() string {
	switch {
	case w.Go != "":
		return w.Source.String() + " with " + w.Go
	case w.Packages != nil:
		return w.Source.String() + " as locked"
	}
	return w.Source.String()
}

// candidates are the attempts at having t, in order: what the lock says first, then the sources as they
// stand.
func (b *Builder) candidates(t catalogue.Toolchain) []candidate {
	var ways []candidate
	if l := b.parts().held.lock.tool(t); l != nil {
		for _, s := range t.Sources {
			if w := (candidate{Source: s, shape: shapeOf(t), locked: true, Go: l.Go, Packages: l.Packages, Date: l.Date}); w.id() == l.Source {
				ways = append(ways, w)
			}
		}
	}
	for _, s := range t.Sources {
		ways = append(ways, candidate{Source: s, shape: shapeOf(t)})
	}
	return ways
}

// recipeFormat is raised when what lies in the cache under a recipe changes.
const recipeFormat = 3

// treeFormat is raised when another tool layer is made of the same Debian packages. It has no part in where
// that lies in an image: locks of tools whose bytes stay the same hold.
const treeFormat = 1

// recipe says in 64 hex digits all that decides the bytes of a tool, as far as it is known before it is made.
func (b *Builder) recipe(ctx context.Context, w candidate) (string, error) {
	switch s := w.Source.(type) {
	case *catalogue.Module:
		if s.Built() && w.Go == "" {
			g, err := b.parts().golang.ask(ctx)
			if err != nil {
				return "", err
			}
			w.Go = g.version
		}
	case *catalogue.Package:
		if !s.Alone {
			w.tree = treeFormat
		}
		trust, err := b.parts().debian.trust()
		if err != nil {
			return "", err
		}
		if w.trust = trust; w.Packages == nil && s.Snapshot == "" {
			w.fresh = b.parts().debian.fresh
		}
	}
	return w.recipe(), nil
}

// id names a source, and the folder of its files in an image. It follows from what is asked for alone: what
// was made of it today must lie where it will be made again from a lock.
func (w candidate) id() string { return candidate{Source: w.Source, shape: w.shape}.recipe()[:16] }

func (w candidate) recipe() string {
	how := catalogue.Making{Go: w.Go, Flags: buildFlags, Trust: w.trust, Fresh: w.fresh, Tree: w.tree}
	for _, p := range w.Packages {
		how.Exact = append(how.Exact, p.SHA256)
	}
	slices.Sort(how.Exact)
	digest, err := cache.Sum(struct {
		Format         int
		Provider, Arch string
		Shape          shape
		What           any
	}{recipeFormat, w.Kind(), runtime.GOARCH, w.shape, w.Recipe(how)})
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return digest
}

// A Maker is a source that makes its tool itself: it writes one executable file, to a path where none is yet,
// and says what goes on, a line at a time. Every provider that package images does not know is one. It asks
// no network: it is not told what a Builder that is offline or guarded may do. Nor does it bring a whole
// folder.
type Maker interface {
	catalogue.Source
	Make(ctx context.Context, to string, say func(line string)) error
}

// A job is a tool layer that is being made.
type job struct {
	*step
	tool    catalogue.Toolchain
	w       *toolLayerWriter
	scratch string // a folder, which is removed afterwards
}

// provide has the provider write its files.
func (b *Builder) provide(ctx context.Context, j job, way candidate) (contents, error) {
	switch s := way.Source.(type) {
	case *catalogue.Module:
		if s.Built() {
			return b.parts().golang.compile(ctx, j, s, way.Go)
		}
		return b.parts().golang.take(ctx, j, s)
	case *catalogue.Release:
		return b.parts().download(ctx, j, s)
	case *catalogue.Package:
		return b.parts().debian.unpack(ctx, j, s, way)
	case *catalogue.Extract:
		return single(j, func(to string) error { return b.extract(ctx, s, to) })
	case *catalogue.File:
		return single(j, func(to string) error { return copyTool(s, to) })
	case Maker:
		if j.tool.Tree != "" {
			return contents{}, fmt.Errorf("provider %s brings one file, and no whole folder", way.Kind())
		}
		return single(j, func(to string) error { return s.Make(ctx, to, j.say) })
	}
	return contents{}, fmt.Errorf("provider %s cannot make a tool", way.Kind())
}

// single is the tool layer of a tool that is one file, which get writes.
func single(j job, get func(to string) error) (contents, error) {
	name := path.Base(j.tool.Dest)
	file := filepath.Join(j.scratch, "tool")
	if err := get(file); err != nil {
		return contents{}, err
	}
	return contents{Links: map[string]string{j.tool.Dest: name}, Program: name}, j.w.program(name, file)
}

// folderOf is what is said of the tool layer of a tool that is a whole folder.
func folderOf(t catalogue.Toolchain) contents {
	c := contents{Links: map[string]string{t.Tree: "."}, Program: t.Program}
	if !strings.HasPrefix(t.Dest, t.Tree+"/") { // else the folder's own link leads there
		c.Links[t.Dest] = t.Program
	}
	maps.Copy(c.Links, t.Also)
	return c
}
