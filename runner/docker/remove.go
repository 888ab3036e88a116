package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// remove kills and removes a container with its anonymous volumes, and returns when it is gone. One that is
// gone already is no error.
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

// Sweep removes what carries run, and the session of [Engine.Own]'s labels where they name one, as it stays
// behind when a process is killed, or an engine. What a container's removal did not take with it goes too:
// volumes of one that was removed without, or never came to be.
func (e *Engine) Sweep(ctx context.Context, run string) error {
	if run == "" {
		return errors.New("sweep containers: no run named")
	}
	what := "what is left of run " + run
	ours := make(client.Filters).Add("label", backend.LabelOwner+"=1", backend.LabelRun+"="+run)
	if session := e.labels[backend.LabelSession]; session != "" {
		ours.Add("label", backend.LabelSession+"="+session)
	}
	left, err := e.list(ctx, what, ours, nil)
	if err != nil {
		return err
	}
	removed, err := e.Remove(ctx, left)
	if err == nil && len(removed) < len(left) {
		left = slices.DeleteFunc(left, func(t backend.Resource) bool {
			return slices.ContainsFunc(removed, func(r backend.Resource) bool { return r.String() == t.String() })
		})
		err = fmt.Errorf("remove %s: somebody uses %s", what, left[0])
	}
	return err
}

func (e *Engine) removeOne(ctx context.Context, id string) error {
	call, cancel := e.whileItAnswers(ctx, removeDeadline, true)
	defer cancel()
	if err := e.remove(call, id); err != nil {
		return failed(ctx, call, fmt.Sprintf("remove container %.12s", id), err)
	}
	return nil
}
