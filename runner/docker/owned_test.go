package docker

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// leave makes a container, a network and a volume as builds do that name them by a marker.
func leave(t *testing.T, e *Engine, imageID, marker string, labels map[string]string) {
	t.Helper()
	ctx := t.Context()
	_, err := e.cli.VolumeCreate(ctx, client.VolumeCreateOptions{Name: "buildx_buildkit_" + marker + "0_state", Labels: labels})
	if err == nil {
		_, err = e.cli.NetworkCreate(ctx, marker+"_default", client.NetworkCreateOptions{Labels: labels})
	}
	if err == nil {
		_, err = e.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name: "buildx_buildkit_" + marker + "0",
			Config: &container.Config{
				Image: imageID, Entrypoint: []string{"sleep", "600"}, User: "0", Labels: labels,
			},
			HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(marker + "_default"), Binds: []string{"buildx_buildkit_" + marker + "0_state:/state"}},
		})
	}
	t.Cleanup(func() {
		_, _ = e.cli.ContainerRemove(context.Background(), "buildx_buildkit_"+marker+"0", client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		_, _ = e.cli.NetworkRemove(context.Background(), marker+"_default", client.NetworkRemoveOptions{})
		_, _ = e.cli.VolumeRemove(context.Background(), "buildx_buildkit_"+marker+"0_state", client.VolumeRemoveOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func words(things []backend.Resource) string {
	var all []string
	for _, t := range things {
		all = append(all, t.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestOnlyWhatATrialNamedIsRemovedAndNothingThatOthersUse(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	mine, other, labelled := "b7owned2mark-1", "b7other2mark-1", "b7owned2mark-2"
	leave(t, e, id, mine, nil)
	leave(t, e, id, other, nil)
	leave(t, e, id, labelled, map[string]string{backend.LabelOwner: "1", backend.LabelRun: "b7owned2mark"})
	// Somebody's container is in the network of the trial.
	const guest = "bisect-test-guest"
	created, err := e.cli.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: guest, Config: &container.Config{Image: id, Entrypoint: []string{"sleep", "600"}, User: "0"},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(mine + "_default")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.removeOne(context.Background(), created.ID); err != nil {
			t.Error(err)
		}
	})
	if _, err := e.cli.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}

	removed, kept, err := e.RemoveTrialThings(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(removed, ", "); got != "container buildx_buildkit_"+mine+"0, volume buildx_buildkit_"+mine+"0_state" {
		t.Errorf("removed %s", got)
	}
	if got := strings.Join(kept, ", "); got != "network "+mine+"_default" {
		t.Errorf("kept %s", got)
	}
	for name, gone := range map[string]bool{mine: true, other: false, labelled: false} {
		_, err := e.cli.ContainerInspect(t.Context(), "buildx_buildkit_"+name+"0", client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) != gone {
			t.Errorf("container of %s: %v", name, err)
		}
	}
	if _, err := e.cli.ContainerInspect(t.Context(), guest, client.ContainerInspectOptions{}); err != nil {
		t.Errorf("the guest: %v", err)
	}
	if named, err := e.Named(t.Context(), other); err != nil || words(named) != "container buildx_buildkit_"+other+"0, network "+other+"_default, volume buildx_buildkit_"+other+"0_state" {
		t.Errorf("of the other: %s, %v", words(named), err)
	}

	owned, err := e.Owned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owned = slices.DeleteFunc(owned, func(t backend.Resource) bool { return t.Labels[backend.LabelRun] != "b7owned2mark" })
	if got := words(owned); got != "container buildx_buildkit_"+labelled+"0, network "+labelled+"_default, volume buildx_buildkit_"+labelled+"0_state" {
		t.Errorf("owned: %s", got)
	}
	if gone, err := e.Remove(t.Context(), owned); err != nil || words(gone) != words(owned) {
		t.Errorf("removed %s, %v", words(gone), err)
	}
	if gone, err := e.Remove(t.Context(), owned); err != nil || words(gone) != words(owned) {
		t.Errorf("what is gone already: %s, %v", words(gone), err)
	}
	if _, err := e.Named(t.Context(), "b7"); err == nil {
		t.Error("a short word names what is not ours")
	}
}

func TestBuilderImagesThatAContainerUsesStay(t *testing.T) {
	got := unusedBuilders(
		[]image.Summary{
			{ID: "used", RepoTags: []string{"bisect/builder:1"}},
			{ID: "unused", RepoTags: []string{"bisect/builder:2", "mine:latest"}},
			{ID: "other", RepoTags: []string{"registry.example/bisect/builder:3", "bisect/builder-of-mine:1", "<none>:<none>"}},
			{ID: "bare"},
		},
		[]container.Summary{{ImageID: "used", State: "exited"}, {ImageID: "gone"}},
	)
	if words(got) != "image bisect/builder:2" {
		t.Errorf("got %s", words(got))
	}
}
