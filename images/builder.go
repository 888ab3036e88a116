package images

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Pick is one tool of an image.
type Pick struct {
	Tool, Version string
	Absent        bool // the tool is in no place where the catalogue knows it may be, even if the base has it
}

// Spec says what an image is made of. The order of the picks does not matter.
type Spec struct {
	Base  Base
	Picks []Pick
}

// Builder makes images and keeps their parts in a cache. Its methods may be called from several goroutines; images are
// made one after the other, because each part already uses all of the machine. A Builder must not be copied, nor its
// fields changed, once it is in use.
type Builder struct {
	Cache     string            // folder; "": DefaultCache
	Catalogue *Catalogue        // nil: Shipped
	Offline   bool              // nothing is fetched: what is neither here nor in the cache is an OfflineError
	Mirror    string            // of Debian's archive, for debian bases; "": what mmdebstrap takes by itself. No part of an image's identity
	Progress  func(line string) // what goes on, a line at a time, never two at once; nil: nobody listens

	progressing sync.Mutex // held while Progress runs

	making sync.Mutex           // guards made, bases and the work itself
	made   map[string]v1.Image  // by identity
	bases  map[string]*rootfs   // by recipe
	tools  map[string]*toolFile // by recipe

	asking sync.Mutex        // guards what was asked of the world once, so that it is the same for the whole run
	tags   map[string]string // image reference -> digest
	gotool *gotool
	shared *Catalogue
}

// OfflineError says that something must be fetched, and may not.
type OfflineError struct {
	What string // as the scenario names it
	Need string // what is missing
}

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s: %s, and this run is offline; run the same once without --offline, which fetches it into the cache", e.What, e.Need)
}

// resolved is a Spec with every name looked up, before anything is made.
type resolved struct {
	base  resolvedBase
	picks []resolvedPick // sorted by tool
}

type resolvedPick struct {
	Pick
	tool   Toolchain // unless Absent
	recipe string
	hide   []string // absolute paths, sorted, where the base's own must not answer
}

// Image makes the image of spec, or finds its parts in the cache. Its layers are read from the cache as they are needed.
func (b *Builder) Image(ctx context.Context, spec Spec) (*Image, error) {
	r, err := b.resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	identity, err := r.identity()
	if err != nil {
		return nil, err
	}
	image := &Image{Name: "bisect/builder:" + identity[:16]}
	for _, p := range r.picks {
		if !p.Absent && len(p.tool.Command) > 0 {
			image.Checks = append(image.Checks, Check{Tool: p.Tool, Version: p.Version, Command: p.tool.Command, Want: p.tool.Want})
		}
	}

	b.making.Lock()
	defer b.making.Unlock()
	if image.Image = b.made[identity]; image.Image != nil {
		return image, nil
	}
	base, err := b.base(ctx, r.base)
	if err != nil {
		return nil, err
	}
	var layers []toolLayer
	for _, p := range r.picks {
		l, err := b.layer(ctx, base.tree, p)
		if err != nil {
			return nil, err
		}
		if l != nil {
			layers = append(layers, toolLayer{l, p.title()})
		}
	}
	if image.Image, err = compose(base, layers); err != nil {
		return nil, fmt.Errorf("image %s: %w", image.Name, err)
	}
	if b.made == nil {
		b.made = map[string]v1.Image{}
	}
	b.made[identity] = image.Image
	return image, nil
}

// Identity returns what the image of spec is made of, as 64 hex digits, without making any of it: of each tool the
// recipe, of an image base the digest, of a debian base the suite and the packages. Debian's packages change over time:
// on two machines, months apart, images of one identity may differ; the digest of what was got lies in the cache. A tag
// is looked up in its registry, once for each Builder, within half a minute.
func (b *Builder) Identity(spec Spec) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := b.resolve(ctx, spec)
	if err != nil {
		return "", err
	}
	return r.identity()
}

func (b *Builder) resolve(ctx context.Context, spec Spec) (*resolved, error) {
	r := &resolved{}
	var err error
	taken := map[string]string{} // path -> tool that goes there
	for _, p := range spec.Picks {
		rp := resolvedPick{Pick: p, hide: b.catalogue().Places(p.Tool)}
		if p.Absent {
			if len(rp.hide) == 0 {
				return nil, &UnknownError{Tool: p.Tool, Have: b.catalogue().Tools()}
			}
		} else {
			if rp.tool, err = b.catalogue().Lookup(p.Tool, p.Version); err != nil {
				return nil, err
			}
			if rp.recipe, err = b.recipe(ctx, rp.tool); err != nil {
				return nil, err
			}
			if other, ok := taken[rp.tool.Dest]; ok && other != p.Tool {
				return nil, fmt.Errorf("tools %s and %s: both go to %s; give one of them another dest", other, p.Tool, rp.tool.Dest)
			}
			taken[rp.tool.Dest] = p.Tool
		}
		if slices.ContainsFunc(r.picks, func(o resolvedPick) bool { return o.Tool == p.Tool }) {
			return nil, fmt.Errorf("tool %s: picked twice for one image", p.Tool)
		}
		r.picks = append(r.picks, rp)
	}
	sort.Slice(r.picks, func(i, j int) bool { return r.picks[i].Tool < r.picks[j].Tool })
	for i := range r.picks {
		// One tool's way of hiding itself must not hide what another puts there.
		r.picks[i].hide = slices.DeleteFunc(r.picks[i].hide, func(p string) bool { return taken[p] != "" })
	}
	if r.base, err = b.resolveBase(ctx, spec.Base); err != nil {
		return nil, err
	}
	return r, nil
}

// identity leaves versions' names out: two names for one file make one image.
func (r *resolved) identity() (string, error) {
	type tool struct {
		Dest, Recipe string
		Hide         []string
	}
	v := struct {
		Format     int // raised when composition changes
		Arch, Base string
		Tools      []tool
	}{Format: 1, Arch: runtime.GOARCH, Base: r.base.recipe}
	for _, p := range r.picks {
		v.Tools = append(v.Tools, tool{p.tool.Dest, p.recipe, p.hide})
	}
	return sum(v)
}

// title tells in the image's history what a layer does.
func (p resolvedPick) title() string {
	if p.Absent {
		return "bisect: without " + p.Tool
	}
	return "bisect: " + path.Base(p.tool.Dest) + " at " + p.tool.Dest
}

func (b *Builder) catalogue() *Catalogue {
	if b.Catalogue != nil {
		return b.Catalogue
	}
	b.asking.Lock()
	defer b.asking.Unlock()
	if b.shared == nil {
		b.shared = Shipped()
	}
	return b.shared
}

func (b *Builder) cache() (cache, error) {
	if b.Cache != "" {
		return cache{b.Cache}, nil
	}
	dir, err := DefaultCache()
	return cache{dir}, err
}
