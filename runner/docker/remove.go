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

// Sweep removes every container that carries run as its [LabelRun], as they stay behind when a process is killed.
func (e *Engine) Sweep(ctx context.Context, run string) error {
	if run == "" {
		return errors.New("sweep containers: no run named")
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	list, err := e.cli.ContainerList(call, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", LabelOwner+"=1", LabelRun+"="+run),
	})
	if err != nil {
		return failed(ctx, call, "sweep containers of run "+run, err)
	}
	var errs *multierror.Error
	for _, c := range list.Items {
		if err := e.removeOne(ctx, c.ID); err != nil {
			errs = multierror.Append(errs, err)
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
