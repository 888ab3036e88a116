package images

import (
	"context"
	"runtime"
	"slices"

	"buildbisect/images/apt"
)

// way is one attempt at having a tool: a source, and where a lock says so, exactly what it was made with and of.
type way struct {
	Source
	Go       string        // the Go to compile with; "": this machine's
	Packages []apt.Package // of a Debian package's closure, the package itself among them; nil: as the archive has them
	Date     string        // when a lock's Packages were current
}

func (w way) String() string {
	switch {
	case w.Go != "":
		return w.Source.String() + " with " + w.Go
	case w.Packages != nil:
		return w.Source.String() + " as locked"
	}
	return w.Source.String()
}

// ways are the attempts at having t, in order: what the lock says first, then, if a lock need not be kept to, the sources as
// they stand.
func (b *Builder) ways(t Toolchain) []way {
	var ways []way
	if l := b.Lock.tool(t); l != nil {
		for _, s := range t.Sources {
			if s.Kind() == l.Provider {
				ways = append(ways, way{Source: s, Go: l.Go, Packages: l.Packages, Date: l.Date})
			}
		}
		if b.Locked {
			return ways
		}
	}
	for _, s := range t.Sources {
		ways = append(ways, way{Source: s})
	}
	return ways
}

// recipeFormat is raised when what lies in the cache under a recipe changes.
const recipeFormat = 2

// recipe says in 64 hex digits all that decides the bytes of a tool, as far as it is known before it is made.
func (b *Builder) recipe(ctx context.Context, w way) (string, error) {
	if w.Module != nil && w.Module.Package != "" && w.Go == "" {
		g, err := b.goTool(ctx)
		if err != nil {
			return "", err
		}
		w.Go = g.version
	}
	return w.recipe()
}

// id names the folder of a tool's files in an image. It follows from what is asked for alone: what was made of it today must lie
// where it will be made again from a lock.
func (w way) id() (string, error) {
	recipe, err := way{Source: w.Source}.recipe()
	if err != nil {
		return "", err
	}
	return recipe[:16], nil
}

func (w way) recipe() (string, error) {
	var what any
	switch {
	case w.File != nil:
		what = w.File.SHA256
	case w.Module != nil && w.Module.Package != "":
		what = struct {
			Go     string
			Flags  []string
			Module *Module
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
			Package *Package
			Exact   []string
		}{w.Debian, exact}
	}
	return sum(struct {
		Format         int
		Provider, Arch string
		What           any
	}{recipeFormat, w.Kind(), runtime.GOARCH, what})
}
