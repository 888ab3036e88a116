package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// resolvedBase is a Base whose tag, if it has one, was looked up.
type resolvedBase struct {
	catalogue.Base
	digest name.Digest // of an image base
	recipe string
}

// Files of a base's cache entry: its configuration, what is where in it, and the n-th of its layers, lowest
// first.
const (
	configName = "config.json"
	treeName   = "tree.json"
)

func layerName(n int) string { return fmt.Sprintf("layer-%03d.tar", n) }

// baseConfig is what is kept of a base's configuration, and what a lock says of it.
type baseConfig struct {
	Env      []string `json:"env"`
	Variant  string   `json:"variant,omitempty"`
	Date     string   `json:"date,omitempty"`     // when a Debian system was made, or the snapshot it was made from
	Packages []string `json:"packages,omitempty"` // names and versions of what dpkg has installed
	Unpacked int64    `json:"unpacked,omitempty"` // bytes that an image unpacks to; 0: not known
}

// snapshotFormat is how snapshot services write a time.
const snapshotFormat = "20060102T150405Z"

func (b *Builder) resolveBase(ctx context.Context, base catalogue.Base) (r resolvedBase, err error) {
	r.Base = base
	switch {
	case base.Debian != nil && base.Image != "":
		return r, fmt.Errorf("base: both debian and image are given; want one")
	case base.Debian != nil:
		r.recipe, err = b.parts().debian.recipe(base.Debian)
	case base.Image != "":
		if r.digest, err = b.parts().registry.pin(ctx, base.Image); err == nil {
			r.recipe, err = imageRecipe(r.digest)
		}
	default:
		return r, fmt.Errorf("base: none is named; give debian or image")
	}
	return r, err
}

// base makes a base, or finds it in the cache. Where a lock has another one than a suite gives today, or the
// suite cannot be had any more, it is taken from a snapshot of then, if that gives the one that is locked.
func (b *Builder) base(ctx context.Context, r resolvedBase) (*rootfs, error) {
	locked := b.parts().held.lock.base(r.Asked())
	if locked == nil && b.parts().held.locked {
		return nil, b.parts().held.drift("base "+r.String(), "the lock lacks it")
	}
	fs, err := b.lockedBase(ctx, r, locked)
	if locked != nil && r.Debian != nil && r.Debian.Snapshot == "" && (err != nil || !locked.is(fs)) && ctx.Err() == nil {
		old, oldErr := b.baseThen(ctx, r, locked)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case oldErr != nil:
			b.parts().progress("as locked: " + oldErr.Error())
		case locked.is(old):
			fs, err = old, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return fs, b.parts().held.holdBase(r, fs)
}

// baseThen makes a base from the snapshot of when it was locked.
func (b *Builder) baseThen(ctx context.Context, r resolvedBase, locked *LockedBase) (*rootfs, error) {
	then := *r.Debian
	then.Snapshot = locked.Date
	as, err := b.resolveBase(ctx, catalogue.Base{Debian: &then})
	if err != nil {
		return nil, err
	}
	return b.baseOf(ctx, as)
}

// lockedBase is the base that is locked, if it lies in the cache, or else what is asked for today.
func (b *Builder) lockedBase(ctx context.Context, r resolvedBase, locked *LockedBase) (*rootfs, error) {
	c, err := b.parts().cache()
	if err != nil {
		return nil, err
	}
	if locked != nil && r.Debian != nil {
		entries, err := filepath.Glob(filepath.Join(c.Root, "bases", "*"))
		if err != nil {
			return nil, err
		}
		for _, dir := range entries {
			e, err := cache.OpenEntry(dir)
			if err != nil || e.Notes["base"] != r.Asked() || !locked.of(e) {
				continue
			}
			if fs, err := openBase(e); err == nil {
				e.Touch()
				return fs, nil
			}
		}
	}
	return b.baseOf(ctx, r)
}

// baseOf makes exactly the base that is asked for.
func (b *Builder) baseOf(ctx context.Context, r resolvedBase) (*rootfs, error) {
	fs, err := b.bases.get(ctx, r.recipe, func() (*rootfs, error) {
		return again(func() (*rootfs, error) { return b.makeBase(ctx, r) })
	}, (*rootfs).intact)
	if err == nil && r.Debian == nil {
		err = b.parts().fits(fs)
	}
	switch {
	case err == nil:
		return fs, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("base %s: %w", r, err)
}

func (fs *rootfs) intact() bool {
	return !slices.ContainsFunc(fs.layers, func(l *fileLayer) bool { return !l.intact() })
}

func (b *Builder) makeBase(ctx context.Context, r resolvedBase) (*rootfs, error) {
	c, err := b.parts().cache()
	if err != nil {
		return nil, err
	}
	s := b.parts().begin("base " + r.String())
	defer s.end()
	e, err := c.Get(ctx, "bases", r.recipe[:32], s.say, func(ctx context.Context, dir string) (map[string]string, error) {
		if r.Debian == nil {
			env, err := b.parts().registry.fetch(ctx, s, r.digest, dir)
			if err != nil {
				return nil, err
			}
			return map[string]string{"base": r.Asked(), "digest": r.digest.DigestStr()}, describe(dir, env)
		}
		date := r.Debian.Snapshot
		if date == "" {
			date = time.Now().UTC().Format(snapshotFormat)
		}
		if err := b.parts().debian.system(ctx, s, r.Debian, dir); err != nil {
			return nil, err
		}
		return map[string]string{"base": r.Asked()}, describe(dir, baseConfig{Env: []string{defaultPath}, Date: date})
	})
	if err != nil {
		return nil, err
	}
	return openBase(e)
}

// openBase reads a base from its cache entry.
func openBase(e *cache.Entry) (*rootfs, error) {
	fs := &rootfs{title: "bisect: base"}
	if err := e.ReadJSON(configName, &fs.config); err != nil {
		return nil, err
	}
	var nodes map[string]node
	if err := e.ReadJSON(treeName, &nodes); err != nil {
		return nil, err
	}
	fs.tree = &tree{nodes}
	for _, f := range e.Files { // by name, so lowest first
		if strings.HasPrefix(f.Name, "layer-") {
			fs.layers = append(fs.layers, &fileLayer{e.Path(f.Name), v1.Hash{Algorithm: "sha256", Hex: f.SHA256}, f.Size})
		}
	}
	return fs, nil
}

// describe writes beside the layers of a base what must be known of it, so that they need not be read for it
// again.
func describe(dir string, c baseConfig) error {
	files, err := filepath.Glob(filepath.Join(dir, "layer-*.tar")) // sorted
	if err != nil {
		return err
	}
	var layers []opener
	for _, f := range files {
		layers = append(layers, func() (io.ReadCloser, error) { return os.Open(f) })
	}
	t, err := readTree(layers)
	if err != nil {
		return err
	}
	c.Packages = t.packages
	return errors.Join(writeJSON(filepath.Join(dir, configName), c), writeJSON(filepath.Join(dir, treeName), t.nodes))
}

func writeJSON(file string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
