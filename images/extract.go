package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"buildbisect/images/catalogue"
)

// extract takes one file out of an image, following links as a process in the image would.
func (b *Builder) extract(ctx context.Context, x *catalogue.Extract, to string) error {
	r, err := b.resolveBase(ctx, catalogue.Base{Image: x.Image})
	if err != nil {
		return err
	}
	fs, err := b.baseOf(ctx, r)
	if err != nil {
		return err
	}
	var layers []v1.Layer
	for _, l := range fs.layers {
		layers = append(layers, l)
	}
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return err
	}
	name := x.Path
	const most = 40 // links, as in Linux
	for range most {
		if name, err = fs.tree.real(name); err != nil {
			return err
		}
		if n := fs.tree.nodes[name]; n.Kind != tar.TypeSymlink {
			return copyMember(image, name, to, most)
		} else if path.IsAbs(n.Link) {
			name = path.Clean(n.Link)
		} else {
			name = path.Join(path.Dir(name), n.Link)
		}
	}
	return fmt.Errorf("%s: too many symbolic links in the image", x.Path)
}

// copyMember writes a regular file of an image, as its topmost layer has it, through so many hard links at
// most.
func copyMember(image v1.Image, name, to string, links int) error {
	flat := mutate.Extract(image)
	defer flat.Close()
	for in := tar.NewReader(flat); ; {
		h, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return fmt.Errorf("the image has no file %s", name)
		case err != nil:
			return err
		case path.Clean("/"+strings.TrimPrefix(h.Name, "./")) != name:
			continue
		case h.Typeflag == tar.TypeLink && links == 0:
			return fmt.Errorf("%s: too many hard links in the image", name)
		case h.Typeflag == tar.TypeLink:
			return copyMember(image, path.Clean("/"+h.Linkname), to, links-1)
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%s is no regular file in the image", name)
		}
		_, err = copySummed(in, to, 0o755)
		return errors.Join(err, os.Chmod(to, 0o755))
	}
}
