package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Get streams what lies at source (relative: to the work folder) as the engine packs it. Links on the way
// there are followed within the box, one at its end is not. The engine reads the box's files, volumes
// included, by itself: that nothing runs in there any more does not matter.
func (b *box) Get(ctx context.Context, source string, w io.Writer) error {
	if !path.IsAbs(source) {
		source = path.Join(b.workdir, source)
	}
	source = path.Clean(source)
	what := fmt.Sprintf("copy %s out of box %s", source, b.name)
	call, cancel := within(ctx, copyDeadline)
	defer cancel()
	found, err := b.engine.cli.CopyFromContainer(call, b.id, client.CopyFromContainerOptions{SourcePath: source})
	switch {
	case errdefs.IsNotFound(err) && b.exists(ctx):
		return fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	case err != nil:
		return failed(ctx, call, what, err)
	}
	defer found.Content.Close()
	kept := &keptWriter{w: w}
	_, err = io.Copy(kept, found.Content)
	switch {
	case kept.err != nil && ctx.Err() == nil:
		return kept.err
	case err != nil:
		return failed(ctx, call, what, err)
	case kept.zeros < 1024:
		// The engine has no other way to say so, once it has begun.
		return fmt.Errorf("%s: the archive breaks off: a file changed while it was read: %w", what, io.ErrUnexpectedEOF)
	}
	return nil
}

// exists reports whether the engine still knows the box: of an absent file and of an absent box it says the
// same.
func (b *box) exists(ctx context.Context) bool {
	_, err := b.state(ctx)
	return err == nil
}

// keptWriter remembers its writer's own error, which is not the engine's, and how many zeros came last: a tar
// ends with 1024 or more.
type keptWriter struct {
	w     io.Writer
	err   error
	zeros int
}

func (k *keptWriter) Write(p []byte) (int, error) {
	if text := bytes.TrimRight(p, "\x00"); len(text) > 0 {
		k.zeros = len(p) - len(text)
	} else {
		k.zeros += len(p)
	}
	n, err := k.w.Write(p)
	if err != nil {
		k.err = err
	}
	return n, err
}
