package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/hashicorp/go-multierror"
	"github.com/moby/moby/client"
)

// remove kills and removes a container with its anonymous volumes, and returns when it is gone. One that is gone already
// is no error.
func (e *Engine) remove(ctx context.Context, id string) error {
	for {
		_, err := e.cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, errdefs.IsNotFound(err):
			return nil
		case !errdefs.IsConflict(err):
			return err
		}
		// Someone else is removing it: wait until that has happened.
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Sweep removes every container and volume that carries run as its [LabelRun], as they stay behind when a process is
// killed, or an engine.
func (e *Engine) Sweep(ctx context.Context, run string) error {
	if run == "" {
		return errors.New("sweep containers: no run named")
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	labels := make(client.Filters).Add("label", LabelOwner+"=1", LabelRun+"="+run)
	list, err := e.cli.ContainerList(call, client.ContainerListOptions{All: true, Filters: labels})
	if err != nil {
		return failed(ctx, call, "sweep containers of run "+run, err)
	}
	var errs *multierror.Error
	for _, c := range list.Items {
		if err := e.removeOne(ctx, c.ID); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	// A container takes its volumes with it; these are of containers that were removed without, or never came to be.
	call, cancel = within(ctx, callDeadline)
	defer cancel()
	volumes, err := e.cli.VolumeList(call, client.VolumeListOptions{Filters: labels})
	if err != nil {
		return multierror.Append(errs, failed(ctx, call, "sweep volumes of run "+run, err))
	}
	for _, v := range volumes.Items {
		_, err := e.cli.VolumeRemove(call, v.Name, client.VolumeRemoveOptions{})
		if err != nil && !errdefs.IsNotFound(err) {
			errs = multierror.Append(errs, failed(ctx, call, fmt.Sprintf("remove volume %.12s", v.Name), err))
		}
	}
	return errs.ErrorOrNil()
}

func (e *Engine) removeOne(ctx context.Context, id string) error {
	call, cancel := within(ctx, closeDeadline)
	defer cancel()
	if err := e.remove(call, id); err != nil {
		return failed(ctx, call, fmt.Sprintf("remove container %.12s", id), err)
	}
	return nil
}
