package docker

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/runner/enginetest"
)

// dockerd gives a Docker engine of the catalogue's, as one that boxes may have.
func dockerd(t *testing.T, e *Engine, version string) backend.DockerdSpec {
	t.Helper()
	return backend.DockerdSpec{Image: enginetest.Dockerd(t, e, version), Version: version}
}

func TestABoxMayHaveADockerEngineOfItsOwn(t *testing.T) {
	e := connect(t)
	old := dockerd(t, e, "20.10.5")
	recent := dockerd(t, e, "26.1.5")
	// The older one's image is the box's, too: it has the command docker, which the recent one's lacks.
	// It has all of these tests in make soak; scenario k8s-98646 builds with it in every run of the tests.
	if os.Getenv("BISECT_TOOLCHAINS") == "all" {
		t.Run(old.Version, func(t *testing.T) { enginetest.RunDockerd(t, e, old.Image, old, outside(e)) })
	}
	t.Run(recent.Version, func(t *testing.T) { enginetest.RunDockerd(t, e, old.Image, recent, outside(e)) })

	t.Run("ItIsBoundedAndLessThanPrivileged", func(t *testing.T) { bounded(t, e, old) })
	t.Run("ABaseMayLackTheFolderOfTheSocket", func(t *testing.T) {
		b, err := e.Start(t.Context(), backend.BoxSpec{Image: load(t, e), Network: "none", Workdir: "/src", Dockerd: &old})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var out strings.Builder
		if exit, err := b.Exec(t.Context(), "test ! -L /var/run && test -S /var/run/docker.sock", &out); err != nil || exit.Code != 0 {
			t.Errorf("got %+v, %v", exit, err)
		}
	})
	t.Run("AnImageWithoutOneIsUntestable", func(t *testing.T) {
		none := backend.DockerdSpec{Image: load(t, e), Version: "none"}
		_, err := e.Start(t.Context(), backend.BoxSpec{Image: old.Image, Network: "none", Workdir: "/src", Dockerd: &none})
		var untestable backend.Untestable
		if !errors.As(err, &untestable) || errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "no dockerd") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("WantOfMemoryInItEndsAScriptThatWaits", func(t *testing.T) {
		b, err := e.Start(t.Context(), backend.BoxSpec{Image: old.Image, Network: "none", Workdir: "/src", Dockerd: &old, Memory: 256 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var exit backend.Exit
		ended := make(chan error, 1)
		go func() {
			var err error
			exit, err = b.Exec(t.Context(), "sleep 100", io.Discard)
			ended <- err
		}()
		// The kernel takes the glutton, then the engine ends.
		_, _, err = b.(*box).dockerd.Exec(t.Context(), []string{"/bin/sh", "-c", "tail /dev/zero; kill 1"})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil || !exit.OOM {
				t.Errorf("got %+v, %v", exit, err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the script waits on")
		}
	})
	t.Run("SweepTakesTheEngineToo", func(t *testing.T) {
		b, err := e.Start(t.Context(), backend.BoxSpec{Image: old.Image, Network: "none", Workdir: "/src", Dockerd: &old, Labels: map[string]string{backend.LabelRun: "sweep-engine"}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		left := watch(t, e, b.(*box).name)
		if got := volumes(t, e, "sweep-engine"); len(got) != 5 {
			t.Errorf("want volumes for work folder, /tmp, HOME, socket and data that Sweep can find, got %q", got)
		}
		if err := e.Sweep(t.Context(), "sweep-engine"); err != nil {
			t.Error(err)
		}
		if rest := left(); len(rest) > 0 {
			t.Errorf("left: %q", rest)
		}
	})
}

func bounded(t *testing.T, e *Engine, dockerd backend.DockerdSpec) {
	b, err := e.Start(t.Context(), backend.BoxSpec{Image: dockerd.Image, Network: "none", Workdir: "/src", Dockerd: &dockerd,
		CPUs: 0.5, Memory: 512 << 20, PIDs: 200, Labels: map[string]string{backend.LabelRun: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, id := range b.(*box).containers() {
		found, err := e.cli.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		h := found.Container.HostConfig
		if h.NanoCPUs != 5e8 || h.Memory != 512<<20 || h.MemorySwap != 512<<20 || *h.PidsLimit != 200 || h.Privileged || len(h.Binds) > 0 {
			t.Errorf("host config of %s: %+v", found.Container.Name, h)
		}
		if found.Container.Config.Labels[backend.LabelRun] != "test" {
			t.Errorf("labels of %s: %v", found.Container.Name, found.Container.Config.Labels)
		}
	}
}

// failing is an image whose dockerd is a script.
func failing(t *testing.T, e *Engine, script string) *backend.DockerdSpec {
	t.Helper()
	return &backend.DockerdSpec{Image: loaded(t, e, extend(t, busybox(t, e), "bin/dockerd", "#!/bin/sh\n"+script)), Version: "1.2.3"}
}

func TestAnEngineThatDoesNotStartShowsItsLog(t *testing.T) {
	e := connect(t)
	const name = "bisect-test-dockerd"
	spec := backend.BoxSpec{Image: load(t, e), Name: name, Network: "none", Workdir: "/src", Labels: map[string]string{backend.LabelRun: "failing"},
		Dockerd: failing(t, e, "echo level=info msg=hello; echo level=fatal msg='no room for layers'; exit 3\n")}
	_, err := e.Start(t.Context(), spec)
	if !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "docker engine 1.2.3") ||
		!strings.Contains(err.Error(), "no room for layers") || strings.Contains(err.Error(), "hello") {
		t.Errorf("got %v", err)
	}
	for _, container := range []string{name, name + dockerdSuffix} {
		if _, err := e.cli.ContainerInspect(t.Context(), container, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
			t.Errorf("container %s is still there: %v", container, err)
		}
	}
	if left := volumes(t, e, "failing"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	spec.Dockerd = &backend.DockerdSpec{Image: "sha256:" + strings.Repeat("0", 64), Version: "9"}
	if _, err := e.Start(t.Context(), spec); !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), spec.Dockerd.Image) {
		t.Errorf("got %v", err)
	}
	spec.Socket = true
	if _, err := e.Start(t.Context(), spec); err == nil || errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("got %v", err)
	}
	spec.Socket, spec.Workdir = false, "/"
	if _, err := e.Start(t.Context(), spec); err == nil || errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "work folder") {
		t.Errorf("got %v", err)
	}
}

func TestWaitingForAnEngineMayBeBrokenOff(t *testing.T) {
	e := connect(t)
	const name = "bisect-test-waiting"
	spec := backend.BoxSpec{Image: load(t, e), Name: name, Network: "none", Workdir: "/src", Dockerd: failing(t, e, "while :; do sleep 60; done\n")}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	var ended time.Time
	go func() {
		for t.Context().Err() == nil {
			if state, err := e.state(t.Context(), name+dockerdSuffix); err == nil && state.Running {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		ended = time.Now()
		cancel(why)
	}()
	if _, err := e.Start(ctx, spec); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(ended); took > 3*time.Second {
		t.Errorf("returned after %s", took)
	}
}
