package images

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"buildbisect/images/cache"
)

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
