package images

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// resolvedBase is a Base whose tag, if it has one, was looked up.
type resolvedBase struct {
	Base
	digest name.Digest // of an image base
	recipe string
}

// configName is the file of a base's cache entry that holds its configuration, layerName the n-th of its layers, lowest
// first.
const configName = "config.json"

func layerName(n int) string { return fmt.Sprintf("layer-%03d.tar", n) }

// baseConfig is what is kept of a base's configuration.
type baseConfig struct {
	Env     []string `json:"env"`
	Variant string   `json:"variant,omitempty"`
}

func (b *Builder) resolveBase(ctx context.Context, base Base) (r resolvedBase, err error) {
	r.Base = base
	switch {
	case base.Debian != nil && base.Image != "":
		return r, fmt.Errorf("base: both debian and image are given; want one")
	case base.Debian != nil:
		r.recipe, err = base.Debian.recipe()
	case base.Image != "":
		if r.digest, err = b.pin(ctx, base.Image); err == nil {
			r.recipe, err = imageRecipe(r.digest)
		}
	default:
		return r, fmt.Errorf("base: none is named; give debian or image")
	}
	return r, err
}

// base makes a base, or finds it in the cache.
func (b *Builder) base(ctx context.Context, r resolvedBase) (*rootfs, error) {
	if fs := b.bases[r.recipe]; fs != nil {
		return fs, nil
	}
	c, err := b.cache()
	if err != nil {
		return nil, err
	}
	s := b.begin("base " + r.String())
	defer s.end()
	e, err := c.get(ctx, "bases", r.recipe[:32], s.say, func(ctx context.Context, dir string) (map[string]string, error) {
		if r.Debian == nil {
			return map[string]string{"digest": r.digest.DigestStr()}, b.fetch(ctx, s, r.digest, dir)
		}
		if err := b.debian(ctx, s, r.Debian, dir); err != nil {
			return nil, err
		}
		notes := map[string]string{"suite": r.Debian.Suite, "packages": strings.Join(r.Debian.Packages, " ")}
		return notes, writeConfig(dir, baseConfig{Env: []string{defaultPath}})
	})
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", r, err)
	}
	fs, err := b.open(e)
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", r, err)
	}
	fs.title = "bisect: base"
	if b.bases == nil {
		b.bases = map[string]*rootfs{}
	}
	b.bases[r.recipe] = fs
	return fs, nil
}

// open reads a base from its cache entry.
func (b *Builder) open(e *entry) (*rootfs, error) {
	raw, err := os.ReadFile(e.path(configName))
	if err != nil {
		return nil, err
	}
	var config baseConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", e.path(configName), err)
	}
	fs := &rootfs{env: config.Env, variant: config.Variant}
	for _, f := range e.Files { // by name, so lowest first
		if strings.HasPrefix(f.Name, "layer-") {
			fs.layers = append(fs.layers, &fileLayer{e.path(f.Name), v1.Hash{Algorithm: "sha256", Hex: f.SHA256}, f.Size})
		}
	}
	names := map[string]bool{}
	for _, tool := range b.catalogue().Tools() {
		for _, p := range b.catalogue().Places(tool) {
			names[path.Base(p)] = true
		}
	}
	fs.tree, err = readTree(fs.layers, names)
	return fs, err
}

func writeConfig(dir string, c baseConfig) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, configName), b, 0o644)
}
