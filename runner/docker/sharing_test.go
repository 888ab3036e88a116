package docker

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
)

// TestASharedVolumeThatSomebodyRemovesIsMadeAnew prunes volumes between two boxes, as an administrator does
// who makes room.
func TestASharedVolumeThatSomebodyRemovesIsMadeAnew(t *testing.T) {
	e := connect(t)
	id, err := e.Load(t.Context(), busybox(t, e))
	if err != nil {
		t.Fatal(err)
	}
	spec := backend.ShareSpec{Key: "pruned", Image: id, Labels: map[string]string{backend.LabelRun: "sharing-" + strings.ToLower(rand.Text())}}
	t.Cleanup(func() {
		if err := e.Sweep(context.Background(), spec.Labels[backend.LabelRun]); err != nil {
			t.Error(err)
		}
	})
	written := 0
	share := func() string {
		at, err := e.Share(t.Context(), spec, func(w io.Writer) error {
			written++
			out := tar.NewWriter(w)
			err := out.WriteHeader(&tar.Header{Name: "zeros", Mode: 0o644, Size: 8 << 20})
			if err == nil {
				_, err = out.Write(make([]byte, 8<<20))
			}
			return errors.Join(err, out.Close())
		})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	at := share()
	start := func() (backend.Box, error) {
		return e.Start(t.Context(), backend.BoxSpec{Image: id, Workdir: "/src", Network: "none", Shared: at, Disk: 1 << 30, Labels: spec.Labels})
	}
	first := e.sharedVolume(at)
	if _, err := e.cli.VolumeRemove(t.Context(), first, client.VolumeRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if box, err := start(); !errors.Is(err, backend.ErrInfrastructure) {
		if err == nil {
			box.Close()
		}
		t.Fatalf("a box with an empty volume: %v", err)
	}
	if _, err := e.cli.VolumeInspect(t.Context(), first, client.VolumeInspectOptions{}); err == nil {
		t.Error("the empty volume is still there")
	}
	if share() != at || written != 2 {
		t.Errorf("written %d times", written)
	}
	b, err := start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	runnertest.Prints(t, b, "wc -c <"+at+"/zeros; ! echo x 2>/dev/null >"+at+"/zeros; ! rm "+at+"/zeros 2>/dev/null; ! touch "+at+"/zeros 2>/dev/null", "8388608\n")
	// What is not the box's writing is not counted as that.
	if weight, err := b.(*box).meter.weigh(t.Context()); err != nil || weight > 4<<20 {
		t.Errorf("the box's volumes weigh %d, %v", weight, err)
	}
}
