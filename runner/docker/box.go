package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"buildbisect/runner/backend"
)

// box is one running container, or two: see dockerd.go.
type box struct {
	engine  *Engine
	id      string
	name    string
	workdir string
	secrets []string // for scripts

	dockerd        testcontainers.Container // nil: the box has no engine of its own
	dockerdVersion string
	dockerdOOMs    atomic.Int32 // times that the kernel has killed something in there, since we last told
	stopCounting   func()

	meter *volumeMeter
	disk  *diskWatch // nil: nothing limits what it writes

	begun atomic.Bool // a script has begun in it: its shell works, or did
	deaf  atomic.Bool // the engine did not answer when the box was to be killed

	mu     sync.Mutex
	closed bool
}

var (
	_ backend.Box        = (*box)(nil)
	_ backend.FileReader = (*box)(nil)
)

// Put streams the tar to the engine, which unpacks it below dir (relative: to the work folder) and makes dir
// if it is absent. Where the image has a folder and the tar a file, or the reverse, the tar wins; links of
// the image are replaced, never followed. What the tar's reader fails with comes back as it is; it is not the
// engine's.
func (b *box) Put(ctx context.Context, dir string, content io.Reader) error {
	if !path.IsAbs(dir) {
		dir = path.Join(b.workdir, dir)
	}
	dir = path.Clean(dir)
	what := fmt.Sprintf("copy files to %s of box %s", dir, b.name)
	call, cancel := within(ctx, copyDeadline)
	defer cancel()
	if dir != b.workdir {
		if err := b.mkdir(call, dir); err != nil {
			return failed(ctx, call, what, err)
		}
	}
	source := backend.NewSourceReader(content)
	_, err := b.engine.cli.CopyToContainer(call, b.id, client.CopyToContainerOptions{
		DestinationPath: dir, Content: source, AllowOverwriteDirWithFile: true,
	})
	switch {
	case err == nil:
		return nil
	case source.Failure() != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: read them: %w", what, source.Failure())
	}
	return failed(ctx, call, what, err)
}

// mkdir makes what is missing of dir. Folders that exist keep their modes.
func (b *box) mkdir(ctx context.Context, dir string) error {
	var missing []string
	for d := dir; d != "/"; d = path.Dir(d) {
		_, err := b.engine.cli.ContainerStatPath(ctx, b.id, client.ContainerStatPathOptions{Path: d})
		if err == nil {
			break
		}
		if !errdefs.IsNotFound(err) {
			return err
		}
		missing = append(missing, d)
	}
	if len(missing) == 0 {
		return nil
	}
	parent := path.Dir(missing[len(missing)-1])
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := len(missing) - 1; i >= 0; i-- {
		name := strings.TrimPrefix(strings.TrimPrefix(missing[i], parent), "/") + "/"
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := b.engine.cli.CopyToContainer(ctx, b.id, client.CopyToContainerOptions{DestinationPath: parent, Content: &buf})
	return err
}

// Close removes the containers and their anonymous volumes, and waits for minutes where the engine has much
// to remove, but seconds where it does not answer. Once it has worked it does nothing.
func (b *box) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	ctx, cancel := b.engine.whileItAnswers(context.Background(), removeDeadline, !b.deaf.Load())
	defer cancel()
	if b.dockerd != nil {
		b.stopCounting()
	}
	var errs []error
	b.disk.stop()
	if err := b.meter.close(ctx); err != nil {
		errs = append(errs, failed(context.Background(), ctx, fmt.Sprintf("remove what weighs box %s", b.name), err))
	}
	for _, id := range b.containers() {
		if err := b.engine.remove(ctx, id); err != nil {
			errs = append(errs, failed(context.Background(), ctx, fmt.Sprintf("remove box %s", b.name), err))
		}
	}
	b.closed = len(errs) == 0
	return errors.Join(errs...)
}

// kill ends everything in the containers at once. That one does not run any more is no error.
func (b *box) kill(ctx context.Context) error {
	ctx, cancel := b.engine.whileItAnswers(context.WithoutCancel(ctx), killDeadline, !b.deaf.Load())
	defer cancel()
	defer func() { b.deaf.Store(errors.Is(context.Cause(ctx), errDeaf)) }()
	var errs []error
	for _, id := range b.containers() {
		_, err := b.engine.cli.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "KILL"})
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// containers are the ids of the box's containers.
func (b *box) containers() []string {
	if b.dockerd == nil {
		return []string{b.id}
	}
	return []string{b.id, b.dockerd.GetContainerID()}
}
