package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"buildbisect/images/cache"
	"buildbisect/images/fetch"
)

// registries has images from their registries.
type registries struct {
	*workshop
	held *ledger

	mu   sync.Mutex
	tags map[string]string // image reference -> digest
}

// imageRecipe says in 64 hex digits which image a digest means on this machine: an index holds one for each
// platform.
func imageRecipe(d name.Digest) (string, error) {
	return cache.Sum(struct {
		Format                 int
		Provider, Digest, Arch string
	}{recipeFormat, "image", d.DigestStr(), runtime.GOARCH})
}

// pin turns a reference into a digest. A tag is looked up once: it must not move in the
// middle of a run. What it was is kept in the cache, for later runs without a network.
func (r *registries) pin(ctx context.Context, image string) (name.Digest, error) {
	if d, err := name.NewDigest(image); err == nil {
		return d, nil
	}
	tag, err := name.NewTag(image)
	if err != nil {
		return name.Digest{}, fmt.Errorf("base image %q: %w; want a reference like debian:bookworm or debian@sha256:…", image, err)
	}
	c, err := r.cache()
	if err != nil {
		return name.Digest{}, err
	}
	if locked := r.held.lock.base("image " + image); locked != nil && locked.Digest != "" {
		return name.NewDigest(tag.Context().Name() + "@" + locked.Digest)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	digest, ok := r.tags[image]
	if !ok {
		record := tagFile(c, tag)
		if r.offline {
			seen, err := os.ReadFile(record)
			if err != nil {
				return name.Digest{}, fmt.Errorf("base image %w", &OfflineError{image, "a tag, and its digest was never looked up on this machine"})
			}
			digest = string(seen)
		} else {
			desc, err := remote.Get(tag, r.remoteOptions(ctx)...)
			if err != nil {
				return name.Digest{}, fmt.Errorf("base image %s: %w", image, explain(err))
			}
			digest = desc.Digest.String()
			if err := cache.Replace(record, digest); err != nil {
				return name.Digest{}, fmt.Errorf("base image %s: cache: %w", image, err)
			}
		}
		if r.tags == nil {
			r.tags = map[string]string{}
		}
		r.tags[image] = digest
		r.progress(fmt.Sprintf("warning: base image %s is a tag, which may move; this run takes it as %s@%s", image, tag.Context().Name(), digest))
	}
	d, err := name.NewDigest(tag.Context().Name() + "@" + digest)
	if err != nil {
		return d, fmt.Errorf("base image %s: digest in the cache: %w; remove %s", image, err, tagFile(c, tag))
	}
	return d, nil
}

// Tags tells which digest each tag that this Builder was asked for stood for, by the reference as asked.
func (b *Builder) Tags() map[string]string {
	r := b.parts().registry
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.tags)
}

// tag is the file that records which digest a tag had.
func tagFile(c cache.Dir, t name.Tag) string {
	s := sha256.Sum256([]byte(t.Name()))
	return filepath.Join(c.Root, "tags", hex.EncodeToString(s[:16]))
}

func remoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}),
	}
}

// remoteOptions are those for registries that a scenario names. Guarded, they are asked without the user's
// credentials, which are for what the user wants to have.
func (r *registries) remoteOptions(ctx context.Context) []remote.Option {
	options := remoteOptions(ctx)
	if r.guarded {
		options = append(options, remote.WithTransport(r.guard()), remote.WithAuthFromKeychain(authn.NewMultiKeychain()))
	}
	return options
}

// fetch takes an image from its registry into dir, its layers unpacked to plain tars. The registry is not
// trusted: manifest, configuration and each layer are checked against the digest asked for.
func (r *registries) fetch(ctx context.Context, s *step, d name.Digest, dir string) (baseConfig, error) {
	none := baseConfig{}
	if r.offline {
		return none, &OfflineError{What: "image", Need: "it is not in the cache"}
	}
	s.say("asking " + d.RegistryStr())
	image, err := remote.Image(d, r.remoteOptions(ctx)...)
	if err != nil {
		return none, explain(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return none, explain(err)
	}
	if config.Architecture != runtime.GOARCH || config.OS != "linux" {
		return none, fmt.Errorf("the image is made for %s/%s, and this machine runs linux/%s; name an image that has it", config.OS, config.Architecture, runtime.GOARCH)
	}
	layers, err := image.Layers()
	if err != nil {
		return none, explain(err)
	}
	room := r.newRoom()
	for i, l := range layers {
		size, err := l.Size()
		if err != nil {
			return none, explain(err)
		}
		s.say(fmt.Sprintf("fetching layer %d of %d, %s", i+1, len(layers), humanize.Bytes(uint64(size))))
		if err := fetchLayer(l, room, filepath.Join(dir, layerName(i))); err != nil {
			return none, fmt.Errorf("layer %d of %d: %w", i+1, len(layers), explain(err))
		}
	}
	return baseConfig{Env: config.Config.Env, Variant: config.Variant, Unpacked: room.used}, nil
}

func fetchLayer(l v1.Layer, room *room, to string) error {
	want, err := l.DiffID()
	if err != nil {
		return err
	}
	in, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer in.Close()
	got := ""
	err = room.take(in, func(in io.Reader) (err error) {
		got, err = copySummed(in, to, 0o644)
		return err
	})
	if err != nil {
		return err
	}
	if got != want.Hex {
		return fmt.Errorf("content has sha256 %s, and the image says %s; the registry is damaged", got, want.Hex)
	}
	return nil
}

// explain adds to a registry's refusal, or its silence, what can be done about it.
func explain(err error) error {
	var refused *transport.Error
	var unreachable net.Error
	var damaged *cache.DamagedError
	var guarded *fetch.NotPublicError
	var file *fs.PathError // whose cause, a number of the system's, passes for an error of the network
	switch {
	case errors.As(err, &guarded):
		return guarded
	case errors.Is(err, context.Canceled), errors.As(err, &damaged), errors.As(err, &file):
	case errors.As(err, &refused):
		switch refused.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("not found; check the name, the tag or digest: %w", err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("refused; log in to the registry (docker login), or check the name: %w", err)
		case http.StatusTooManyRequests:
			return fmt.Errorf("too many requests; log in to the registry (docker login), or wait: %w", err)
		}
	case errors.As(err, &unreachable):
		return fmt.Errorf("the registry does not answer; check the network, the proxy and the registry's name, or name a debian base: %w", err)
	}
	return err
}

// Push sends an image to a registry, with the user's credentials as docker has them, and returns the
// reference, tag and digest, under which it is there. Where ref has no tag it gets that of the image's name,
// which says what it is made of. Layers that the repository has are not sent again. They go as they lie in
// the cache, uncompressed: so the digest of the same image is the same wherever it was pushed from, and a
// layer takes its full size in the registry.
func Push(ctx context.Context, image *Image, ref string) (string, error) {
	_, own, _ := strings.Cut(image.Name, ":")
	to, err := name.NewTag(ref, name.WithDefaultTag(own))
	if err != nil {
		return "", fmt.Errorf("push %s: %w; want a repository like registry.example/team/builder, or with a tag", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", fmt.Errorf("push %s: %w", to.Name(), err)
	}
	if err := remote.Write(to, image, remoteOptions(ctx)...); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("push %s: %w", to.Name(), explainPush(err))
	}
	return to.Name() + "@" + digest.String(), nil
}

func explainPush(err error) error {
	// Whatever ends a request, a layer that cannot be read too, comes as a net.Error.
	if damaged, ok := errors.AsType[*cache.DamagedError](err); ok {
		return damaged
	}
	if unreachable := net.Error(nil); errors.As(err, &unreachable) {
		return fmt.Errorf("the registry does not answer; check the network, the proxy and the registry's name: %w", err)
	}
	return explain(err)
}
