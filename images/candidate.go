package images

import (
	"context"
	"runtime"
	"slices"

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
	if l := b.Lock.tool(t); l != nil {
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
	if w.Module != nil && w.Module.Package != "" && w.Go == "" {
		g, err := b.goTool(ctx)
		if err != nil {
			return "", err
		}
		w.Go = g.version
	}
	if w.Debian != nil {
		if !w.Debian.Alone {
			w.tree = treeFormat
		}
		trust, err := b.Debian.trust()
		if err != nil {
			return "", err
		}
		if w.trust = trust; w.Packages == nil && w.Debian.Snapshot == "" {
			w.fresh = b.Fresh
		}
	}
	return w.recipe(), nil
}

// id names a source, and the folder of its files in an image. It follows from what is asked for alone: what
// was made of it today must lie where it will be made again from a lock.
func (w candidate) id() string { return candidate{Source: w.Source, shape: w.shape}.recipe()[:16] }

func (w candidate) recipe() string {
	var what any
	switch {
	case w.File != nil:
		what = w.File.SHA256
	case w.Module != nil && w.Module.Package != "":
		what = struct {
			Go     string
			Flags  []string
			Module *catalogue.Module
		}{w.Go, buildFlags, w.Module}
	case w.Module != nil:
		what = w.Module.Sum
	case w.Release != nil: // the archive's digest stands for its URL
		what = struct{ SHA256, Member string }{w.Release.SHA256, w.Release.Member}
	case w.Image != nil:
		what = w.Image
	case w.Debian != nil:
		var exact []string
		for _, p := range w.Packages {
			exact = append(exact, p.SHA256)
		}
		slices.Sort(exact)
		what = struct {
			Package      *catalogue.Package
			Exact        []string
			Trust, Fresh string `json:",omitempty"`
			Tree         int    `json:",omitempty"`
		}{w.Debian, exact, w.trust, w.fresh, w.tree}
	}
	digest, err := cache.Sum(struct {
		Format         int
		Provider, Arch string
		Shape          shape
		What           any
	}{recipeFormat, w.Kind(), runtime.GOARCH, w.shape, what})
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return digest
}
