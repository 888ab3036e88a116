package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// What boxes share is a volume of the run, which every box that asks for it has read-only. It bears the run's
// labels, so that Sweep and `bisect gc` find it. Runs do not share one: each has its own, and removes it.

var _ backend.Sharer = (*Engine)(nil)

// sharedDir is where boxes have what they share. No image has anything there.
const sharedDir = "/var/lib/bisect"

// sharing is a volume on its way into the engine, or there.
type sharing struct {
	turn chan struct{} // holds a token while somebody sees to it

	// Guarded by Engine.mu.
	volume string // "": not there
	mark   string // a random word on it: an engine makes an empty one of that name where somebody has removed ours
}

// Share fills a volume with what write streams, once for each key. The path is that in boxes.
func (e *Engine) Share(ctx context.Context, spec backend.ShareSpec, write func(io.Writer) error) (string, error) {
	at := path.Join(sharedDir, spec.Key)
	e.mu.Lock()
	if e.shares == nil {
		e.shares = map[string]*sharing{}
	}
	s := e.shares[at]
	if s == nil {
		s = &sharing{turn: make(chan struct{}, 1)}
		e.shares[at] = s
	}
	e.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if e.sharedVolume(at) != "" {
		return at, nil
	}
	mark := rand.Text()
	labels := map[string]string{}
	maps.Copy(labels, e.labels)
	maps.Copy(labels, spec.Labels)
	labels[backend.LabelOwner], labels[labelBox] = "1", mark
	volume := "bisect-shared-" + strings.ToLower(mark)
	if err := e.fill(ctx, volume, at, spec.Image, labels, write); err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.volume, s.mark = volume, mark
	return at, nil
}

// fill makes a volume and unpacks a tar in it, by way of a container that never runs. On an error nothing of
// it is left.
func (e *Engine) fill(ctx context.Context, name, at, image string, labels map[string]string, write func(io.Writer) error) (err error) {
	what := "fill volume " + name
	call, cancel := within(ctx, copyDeadline)
	defer cancel()
	defer func() {
		if err != nil {
			// What cannot be removed now carries the run's label, and Sweep takes it.
			_, _ = e.Remove(context.WithoutCancel(ctx), []backend.Resource{{Kind: backend.KindVolume, Name: name}})
		}
	}()
	if _, err := e.cli.VolumeCreate(call, client.VolumeCreateOptions{Name: name, Labels: labels}); err != nil {
		return failed(ctx, call, what, err)
	}
	host := &container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{sharedMount(name, at, false)}}
	harden(host, nil)
	made, err := e.cli.ContainerCreate(call, client.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: image, Entrypoint: []string{"/bin/sh"}, Labels: labels, Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}},
		HostConfig: host,
	})
	if err != nil {
		return startError(ctx, call, what, image, err)
	}
	err = backend.Stream(write, func(tar io.Reader) error {
		source := backend.NewSourceReader(tar)
		_, err := e.cli.CopyToContainer(call, made.ID, client.CopyToContainerOptions{DestinationPath: at, Content: source})
		if err != nil && source.Failure() != nil && ctx.Err() == nil {
			return source.Failure()
		} else if err != nil {
			return failed(ctx, call, what, err)
		}
		return nil
	})
	return errors.Join(err, e.removeOne(context.WithoutCancel(ctx), made.ID))
}

func sharedMount(name, at string, readOnly bool) mount.Mount {
	return mount.Mount{Type: mount.TypeVolume, Source: name, Target: at, ReadOnly: readOnly, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}
}

// sharedVolume is the volume that boxes have at a path, "" if there is none.
func (e *Engine) sharedVolume(at string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.shares[at]; s != nil {
		return s.volume
	}
	return ""
}

// stillShared reports an error where somebody has removed a volume, as `docker volume prune` does with one
// that no container has at the moment. A container that asks for it then gets an empty one, which is not to
// be taken for ours; from now on a container has it, and it stays.
func (e *Engine) stillShared(ctx context.Context, at, volume string) error {
	e.mu.Lock()
	s := e.shares[at]
	known, mark := s.volume == volume, s.mark
	e.mu.Unlock()
	if !known {
		return &emptied{volume}
	}
	found, err := e.cli.VolumeInspect(ctx, volume, client.VolumeInspectOptions{})
	if err == nil && found.Volume.Labels[labelBox] == mark {
		return nil
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.volume == volume {
		s.volume = ""
	}
	return &emptied{volume}
}

// removeEmptied removes the volume that an engine made in place of ours, which bears no label. Another box
// may have it still: the last one takes it.
func (e *Engine) removeEmptied(ctx context.Context, err error) {
	if gone := (*emptied)(nil); errors.As(err, &gone) {
		_, _ = e.Remove(context.WithoutCancel(ctx), []backend.Resource{{Kind: backend.KindVolume, Name: gone.volume}})
	}
}

// emptied is the error of a box that was given an empty volume in place of one that was removed.
type emptied struct{ volume string }

func (e *emptied) Error() string {
	return fmt.Sprintf("somebody has removed volume %s, which the run's boxes share; it is made again", e.volume)
}
