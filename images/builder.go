package images

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// Builder makes images and keeps their parts in a cache. Its methods may be called from several goroutines. A
// Builder must not be copied, nor its fields changed, once it is in use.
type Builder struct {
	Cache     string               // folder; "": DefaultCache
	Catalogue *catalogue.Catalogue // nil: Shipped
	Offline   bool                 // nothing is fetched: what is neither here nor in the cache is an OfflineError
	Debian    Archives             // where Debian packages come from
	Lock      *Lock                // what is to serve; nil: whatever the scenario's words mean today
	Locked    bool                 // what is not as Lock says is an error, not a warning
	Relock    bool                 // what is made is to be a new lock: that it is not as Lock says is no news
	Fresh     string               // what Debian's suites gave before is not taken from the cache, but what they gave under this same word; "": as they were first asked
	Guarded   bool                 // what is fetched is fetched from public addresses, and without the user's credentials; see [fetch.Public]
	Room      int64                // bytes that an image of a registry, or a download, may unpack to; 0: any number
	Progress  func(line string)    // what goes on, a line at a time, never two at once; nil: nobody listens

	payloads   singleFlight[*toolLayer] // by tool and version
	bases      singleFlight[*rootfs]    // by recipe
	unpackings singleFlight[*Unpacked]  // folders of tools unpacked on this machine, by tool and version

	opening sync.Once
	made    *parts
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
	picks []resolvedPick        // sorted by tool
	pool  []catalogue.Toolchain // sorted by tool and version
	below bool                  // the pool goes below the base
}

type resolvedPick struct {
	catalogue.Pick
	tool    catalogue.Toolchain // unless Absent
	recipes []string            // of the ways to have it
	hide    []string            // absolute paths, sorted, where the base's own must not answer
}

// mostLayers is up to how many layers of a matrix are put into each of its images. Engines take 127 in all.
const mostLayers = 60

// Image makes the image of spec, or finds its parts in the cache. Its layers are read from the cache as they
// are needed.
func (b *Builder) Image(ctx context.Context, spec catalogue.Spec) (*Image, error) {
	r, err := b.resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	base, err := b.base(ctx, r.base)
	if err != nil {
		return nil, err
	}
	image := &Image{}
	payloads := make([]*toolLayer, len(r.picks))
	var pool []*toolLayer
	for i, p := range r.picks {
		if p.Absent {
			continue
		}
		if payloads[i], err = b.toolLayer(ctx, p.tool); err != nil {
			return nil, err
		}
		pool = addPayload(pool, payloads[i])
		check := Check{Tool: p.Tool, Version: p.Version, Command: p.tool.Command, Want: p.tool.Want}
		if len(check.Command) == 0 {
			check.Command, check.Want = []string{p.tool.Dest}, ""
		}
		image.Checks = append(image.Checks, check)
	}
	for _, t := range r.pool {
		p, err := b.toolLayer(ctx, t)
		if err != nil {
			return nil, err
		}
		pool = addPayload(pool, p)
	}
	// One order for a whole matrix, whatever is picked.
	slices.SortFunc(pool, func(a, b *toolLayer) int { return strings.Compare(a.id, b.id) })
	top, err := links(base, r.picks, payloads, pool)
	if err != nil {
		return nil, err
	}
	if image.Image, err = compose(base, pool, r.below, top); err != nil {
		return nil, fmt.Errorf("compose an image: %w", err)
	}
	id, err := image.ConfigName()
	if err != nil {
		return nil, fmt.Errorf("compose an image: %w", err)
	}
	image.Name = "bisect/builder:" + id.Hex[:16]
	return image, nil
}

func addPayload(pool []*toolLayer, p *toolLayer) []*toolLayer {
	if slices.ContainsFunc(pool, func(o *toolLayer) bool { return o.id == p.id }) {
		return pool
	}
	return append(pool, p)
}

// Prepare makes the parts of all specs, several at a time, and stops at the first that cannot be had.
func (b *Builder) Prepare(ctx context.Context, specs []catalogue.Spec) error {
	const atOnce = 4 // downloads wait, compilers do not
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	asked := map[string]bool{}
	for _, spec := range specs {
		r, err := b.resolve(ctx, spec)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		if !asked[r.base.recipe] {
			asked[r.base.recipe] = true
			g.Go(func() error { _, err := b.base(ctx, r.base); return err })
		}
		for _, p := range r.picks {
			if key := p.Tool + " " + p.Version; !p.Absent && !asked[key] {
				asked[key] = true
				g.Go(func() error { _, err := b.toolLayer(ctx, p.tool); return err })
			}
		}
	}
	return g.Wait()
}

// Identity returns what the image of spec is made of, as 64 hex digits, without making any of it: of each
// tool the recipe, of an image base the digest, of a debian base the suite and the packages. Debian's
// packages change over time: on two machines, months apart, images of one identity may differ, unless a
// snapshot is named or a lock kept to. A tag is looked up in its registry, once for each Builder, within half
// a minute.
func (b *Builder) Identity(ctx context.Context, spec catalogue.Spec) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := b.resolve(ctx, spec)
	if err != nil {
		return "", err
	}
	return r.identity()
}

func (b *Builder) resolve(ctx context.Context, spec catalogue.Spec) (*resolved, error) {
	r, err := b.resolveTools(ctx, spec)
	if err != nil {
		return nil, err
	}
	if r.base, err = b.resolveBase(ctx, spec.Base); err != nil {
		return nil, err
	}
	return r, nil
}

// resolveTools is resolve for all but the base.
func (b *Builder) resolveTools(ctx context.Context, spec catalogue.Spec) (*resolved, error) {
	r := &resolved{below: spec.BaseVaries}
	var err error
	for _, p := range spec.Picks {
		rp := resolvedPick{Pick: p, hide: b.catalogue().Places(p.Tool)}
		if p.Absent {
			if len(rp.hide) == 0 {
				return nil, &catalogue.UnknownError{Tool: p.Tool, Have: b.catalogue().Tools()}
			}
			rp.hide = b.catalogue().AllPlaces(p.Tool)
		} else {
			if rp.tool, err = b.catalogue().Lookup(p.Tool, p.Version); err != nil {
				return nil, err
			}
			ways := b.candidates(rp.tool)
			if len(ways) == 0 {
				return nil, b.parts().held.drift(p.Tool+" "+p.Version, "none of its providers is the one locked")
			}
			for _, w := range ways {
				recipe, err := b.recipe(ctx, w)
				if err != nil && len(ways) == 1 {
					return nil, fmt.Errorf("toolchain %s %s: %w", p.Tool, p.Version, err)
				}
				rp.recipes = append(rp.recipes, recipe) // "": this machine cannot go this way
			}
		}
		for _, o := range r.picks {
			switch {
			case o.Tool == p.Tool:
				return nil, fmt.Errorf("tool %s: picked twice for one image", p.Tool)
			case !o.Absent && !p.Absent && o.tool.Dest == rp.tool.Dest:
				return nil, fmt.Errorf("tools %s and %s: both go to %s; give one of them another dest", o.Tool, p.Tool, rp.tool.Dest)
			}
		}
		r.picks = append(r.picks, rp)
	}
	slices.SortFunc(r.picks, func(a, b resolvedPick) int { return strings.Compare(a.Tool, b.Tool) })
	if len(spec.Pool) <= mostLayers {
		for _, p := range spec.Pool {
			if p.Absent {
				continue
			}
			t, err := b.catalogue().Lookup(p.Tool, p.Version)
			if err != nil {
				return nil, err
			}
			r.pool = append(r.pool, t)
		}
	}
	return r, nil
}

// identity leaves versions' names out: two names for one file make one image. So does it what only lies
// hidden in the image.
func (r *resolved) identity() (string, error) {
	type tool struct {
		Recipes, Hide []string
	}
	v := struct {
		Format     int // raised when composition changes
		Arch, Base string
		Tools      []tool
	}{Format: 4, Arch: runtime.GOARCH, Base: r.base.recipe}
	for _, p := range r.picks {
		v.Tools = append(v.Tools, tool{p.recipes, p.hide})
	}
	return cache.Sum(v)
}

func (b *Builder) catalogue() *catalogue.Catalogue {
	if b.Catalogue != nil {
		return b.Catalogue
	}
	return shipped()
}

var shipped = sync.OnceValue(catalogue.Shipped)
