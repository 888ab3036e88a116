package docker

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/hashicorp/go-multierror"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// Owned lists the containers, networks and volumes that carry our label, whoever's they are.
func (e *Engine) Owned(ctx context.Context) ([]backend.Resource, error) {
	return e.list(ctx, "what is labelled "+backend.LabelOwner, make(client.Filters).Add("label", backend.LabelOwner+"=1"), nil)
}

// Named lists the containers, networks, volumes and images' references whose names hold one of marks, as
// those of builds do that name what they make in a shared engine by their $BISECT_TRIAL. What carries our
// label, and builder images, are not among them.
func (e *Engine) Named(ctx context.Context, marks ...string) ([]backend.Resource, error) {
	if len(marks) == 0 {
		return nil, nil
	}
	filters := client.Filters{}
	for _, mark := range marks {
		if len(mark) < minMarker {
			return nil, fmt.Errorf("list what is named %q: want at least %d characters, so that it names nothing else", mark, minMarker)
		}
		filters.Add("name", regexp.QuoteMeta(mark))
	}
	marked := func(t backend.Resource) bool {
		return t.Labels[backend.LabelOwner] == "" && slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(t.Name, mark) })
	}
	what := "what is named " + strings.Join(marks, ", ")
	things, err := e.list(ctx, what, filters, marked)
	if err != nil {
		return nil, err
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	images, err := e.cli.ImageList(call, client.ImageListOptions{})
	if err != nil {
		return nil, failed(ctx, call, "list "+what, err)
	}
	for _, image := range images.Items {
		for _, ref := range image.RepoTags {
			if t := (backend.Resource{Kind: backend.KindImage, Name: ref}); !strings.HasPrefix(ref, builders) && marked(t) {
				things = append(things, t)
			}
		}
	}
	return things, nil
}

// list lists what the engine finds by filters, and want wants; nil: all.
func (e *Engine) list(ctx context.Context, what string, filters client.Filters, want func(backend.Resource) bool) ([]backend.Resource, error) {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	containers, err := e.cli.ContainerList(call, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, failed(ctx, call, "list "+what, err)
	}
	networks, err := e.cli.NetworkList(call, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, failed(ctx, call, "list "+what, err)
	}
	volumes, err := e.cli.VolumeList(call, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return nil, failed(ctx, call, "list "+what, err)
	}
	var all []backend.Resource
	add := func(t backend.Resource) {
		if want == nil || want(t) {
			all = append(all, t)
		}
	}
	for _, c := range containers.Items {
		t := backend.Resource{Kind: backend.KindContainer, Name: c.ID[:12], ID: c.ID, Labels: c.Labels}
		if len(c.Names) > 0 {
			t.Name = strings.TrimPrefix(c.Names[0], "/")
		}
		add(t)
	}
	for _, n := range networks.Items {
		add(backend.Resource{Kind: backend.KindNetwork, Name: n.Name, ID: n.ID, Labels: n.Labels})
	}
	for _, v := range volumes.Items {
		add(backend.Resource{Kind: backend.KindVolume, Name: v.Name, Labels: v.Labels})
	}
	return all, nil
}

// UnusedBuilders lists the references of builder images of which there is no container.
func (e *Engine) UnusedBuilders(ctx context.Context) ([]backend.Resource, error) {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	images, err := e.cli.ImageList(call, client.ImageListOptions{})
	if err != nil {
		return nil, failed(ctx, call, "list builder images", err)
	}
	containers, err := e.cli.ContainerList(call, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, failed(ctx, call, "list what uses builder images", err)
	}
	return unusedBuilders(images.Items, containers.Items), nil
}

func unusedBuilders(images []image.Summary, containers []container.Summary) (unused []backend.Resource) {
	used := map[string]bool{}
	for _, c := range containers {
		used[c.ImageID] = true
	}
	for _, image := range images {
		for _, ref := range image.RepoTags {
			if strings.HasPrefix(ref, builders) && !used[image.ID] {
				unused = append(unused, backend.Resource{Kind: backend.KindImage, Name: ref})
			}
		}
	}
	return unused
}

// Remove removes things, containers with what runs in them and their anonymous volumes. What somebody else's
// things use stays, and is not among the removed; that is no error. What is gone already counts as removed.
func (e *Engine) Remove(ctx context.Context, things []backend.Resource) (removed []backend.Resource, err error) {
	var errs *multierror.Error
	things = slices.Clone(things)
	slices.SortStableFunc(things, func(a, b backend.Resource) int {
		return slices.Index(backend.Kinds, a.Kind) - slices.Index(backend.Kinds, b.Kind)
	})
	for _, t := range things {
		err := e.removeThing(ctx, t)
		switch {
		case err == nil, errdefs.IsNotFound(err):
			removed = append(removed, t)
		case ctx.Err() != nil:
			return removed, multierror.Append(errs, context.Cause(ctx))
		case t.Kind != backend.KindContainer && (errdefs.IsConflict(err) || errdefs.IsPermissionDenied(err)): // 403 is for a network in use
		default:
			errs = multierror.Append(errs, fmt.Errorf("remove %s: %w", t, err))
		}
	}
	return removed, errs.ErrorOrNil()
}

func (e *Engine) removeThing(ctx context.Context, t backend.Resource) (err error) {
	call, cancel := e.whileItAnswers(ctx, removeDeadline, true)
	defer cancel()
	switch t.Kind {
	case backend.KindContainer:
		err = e.remove(call, t.ID)
	case backend.KindNetwork:
		_, err = e.cli.NetworkRemove(call, t.ID, client.NetworkRemoveOptions{})
	case backend.KindVolume:
		_, err = e.cli.VolumeRemove(call, t.Name, client.VolumeRemoveOptions{})
	case backend.KindImage:
		_, err = e.cli.ImageRemove(call, t.Name, client.ImageRemoveOptions{PruneChildren: true})
	}
	if call.Err() != nil && ctx.Err() == nil && err != nil {
		return context.Cause(call)
	}
	return err
}
