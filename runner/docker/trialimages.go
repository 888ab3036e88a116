package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/hashicorp/go-multierror"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// minMarker is how long a trial's marker must at least be. A short one could be part of the name of an image
// of the user's.
const minMarker = 8

// builders is the repository of builder images. A new one is another bisect's, not something that the build
// left.
const builders = "bisect/builder:"

// RemoveTrialThings removes the containers, networks and volumes whose names contain marker: what a trial of
// `engine: host` made under names that hold its $BISECT_TRIAL, be it by `docker run --name`, as a compose
// project or as a buildx builder, whose container and volume of state outlive it. The marker of trial 1 is in
// the names of trial 12 too, and a builder's name gets a number appended, so that they cannot be told apart:
// but such trials run one after the other, and those before have left nothing. What somebody else's things
// use is kept.
func (e *Engine) RemoveTrialThings(ctx context.Context, marker string) (removed, kept []string, err error) {
	things, err := e.Named(ctx, marker)
	if err != nil {
		return nil, nil, err
	}
	things = slices.DeleteFunc(things, func(t backend.Resource) bool { return t.Kind == backend.KindImage })
	gone, err := e.Remove(ctx, things)
	done := map[string]bool{}
	for _, t := range gone {
		done[t.String()] = true
		removed = append(removed, t.String())
	}
	for _, t := range things {
		if !done[t.String()] {
			kept = append(kept, t.String())
		}
	}
	return removed, kept, err
}

// Snapshot notes which images the engine has now, as the measure for what [Engine.RemoveTrialImages] calls
// others.
func (e *Engine) Snapshot(ctx context.Context) error {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	list, err := e.cli.ImageList(call, client.ImageListOptions{})
	if err != nil {
		return failed(ctx, call, "list the engine's images", err)
	}
	seen := map[string]bool{}
	for _, image := range list.Items {
		seen[image.ID] = true
	}
	e.mu.Lock()
	e.before = seen
	e.mu.Unlock()
	return nil
}

// RemoveTrialImages removes the references that contain marker, and with them images that have no other: what
// a trial of `engine: host` built under names that hold its $BISECT_TRIAL. It never forces, so nothing in use
// goes. Others are images that appeared since Snapshot and stay, by reference or id, sorted; those that Load
// sent are not among them.
func (e *Engine) RemoveTrialImages(ctx context.Context, marker string) (removed, others []string, err error) {
	if len(marker) < minMarker {
		return nil, nil, fmt.Errorf("remove a trial's images: marker %q: want at least %d characters, so that it names no other image", marker, minMarker)
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	list, err := e.cli.ImageList(call, client.ImageListOptions{})
	if err != nil {
		return nil, nil, failed(ctx, call, "list the engine's images", err)
	}
	e.mu.Lock()
	before := e.before
	ours := map[string]bool{}
	for id := range e.ours {
		ours[id] = true
	}
	e.mu.Unlock()
	var errs *multierror.Error
	for _, image := range list.Items {
		var kept []string
		for _, ref := range image.RepoTags {
			if ref == "<none>:<none>" {
				continue
			}
			if strings.HasPrefix(ref, builders) {
				continue
			}
			if !strings.Contains(ref, marker) {
				kept = append(kept, ref)
				continue
			}
			_, err := e.cli.ImageRemove(call, ref, client.ImageRemoveOptions{PruneChildren: true})
			if errdefs.IsConflict(err) { // in use, by a container that the build left: the user's to decide
				kept = append(kept, ref)
				continue
			}
			if err != nil && !errdefs.IsNotFound(err) {
				errs = multierror.Append(errs, failed(ctx, call, "remove image "+ref, err))
				continue
			}
			removed = append(removed, ref)
		}
		untouched := len(image.RepoTags) == 0 || image.RepoTags[0] == "<none>:<none>"
		if before == nil || before[image.ID] || ours[image.ID] {
			continue
		}
		if untouched {
			kept = []string{image.ID}
		}
		others = append(others, kept...)
	}
	slices.Sort(removed)
	slices.Sort(others)
	return removed, others, errs.ErrorOrNil()
}
