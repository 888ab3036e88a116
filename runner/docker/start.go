package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"buildbisect/runner/backend"
)

// waiting is the first process of a box: it proves that there is a shell, and adopts and reaps what builds
// leave behind. As process 1 it ignores every signal but the engine's SIGKILL.
const (
	waiting = `command -v sleep >/dev/null || { echo "` + noSleep + `"; exit 127; }; while :; do sleep 3600; done`
	noSleep = "the image has no sleep"
)

// Start starts a fresh container from an image that is in the engine already, and where spec asks for one an
// engine beside it. On an error nothing of them is left.
func (e *Engine) Start(ctx context.Context, spec backend.BoxSpec) (backend.Box, error) {
	spec.CPUs = e.info.cpus(spec.CPUs)
	box, err := e.start(ctx, spec)
	if errdefs.IsConflict(err) && e.clearAway(ctx, spec) {
		box, err = e.start(ctx, spec)
	}
	return box, err
}

// clearAway removes what an earlier start of the same box left, because the engine went away before it could
// be removed. The labels of the run and of its session say whose it is: what a dead session has left is for
// `bisect gc`, and a living one's is in use.
func (e *Engine) clearAway(ctx context.Context, spec backend.BoxSpec) (cleared bool) {
	run := e.label(spec, backend.LabelRun)
	if run == "" {
		return false
	}
	ctx, cancel := e.whileItAnswers(context.WithoutCancel(ctx), removeDeadline, true)
	defer cancel()
	for _, suffix := range []string{"", dockerdSuffix, meterSuffix} {
		found, err := e.cli.ContainerInspect(ctx, spec.Name+suffix, client.ContainerInspectOptions{})
		if err != nil || found.Container.Config == nil {
			continue
		}
		if labels := found.Container.Config.Labels; labels[backend.LabelRun] != run || labels[backend.LabelSession] != e.label(spec, backend.LabelSession) {
			continue
		}
		cleared = e.remove(ctx, found.Container.ID) == nil || cleared
	}
	return cleared
}

// label is what a box of spec bears under key.
func (e *Engine) label(spec backend.BoxSpec, key string) string {
	if value, own := spec.Labels[key]; own {
		return value
	}
	return e.labels[key]
}

func (e *Engine) start(ctx context.Context, spec backend.BoxSpec) (_ backend.Box, err error) {
	if spec.Network != "none" && spec.Network != "bridge" {
		return nil, fmt.Errorf("start box %s: network %q: want none or bridge", spec.Name, spec.Network)
	}
	mark := rand.Text()
	labels := map[string]string{}
	maps.Copy(labels, e.labels)
	maps.Copy(labels, spec.Labels)
	labels[backend.LabelOwner], labels[labelBox] = "1", mark
	if spec.Name == "" {
		spec.Name = "bisect-" + strings.ToLower(mark)
	}
	spec.Workdir = path.Clean("/" + spec.Workdir)
	if spec.Dockerd != nil {
		if spec, err = withEngine(spec); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	// A start is not broken off: the engine would go on making a container that nobody knows of. It takes a
	// fraction of a second.
	call, cancel := afterwards(ctx, startDeadline)
	defer cancel()
	defer func() {
		if err != nil {
			e.removeMarked(ctx, spec.Name, mark)
			e.removeMarked(ctx, spec.Name+dockerdSuffix, mark)
			e.removeEmptied(ctx, err)
		}
	}()
	shared := ""
	if spec.Shared != "" {
		if shared = e.sharedVolume(spec.Shared); shared == "" {
			return nil, backend.Infrastructuref("start box %s: it asks for %s, which is not shared", spec.Name, spec.Shared)
		}
	}
	started, err := e.provider.RunContainer(call, request(spec, labels, e.socket, shared))
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil && shared != "" {
		err = e.stillShared(call, spec.Shared, shared)
	}
	if err != nil {
		return nil, startError(ctx, call, "start box "+spec.Name, spec.Image, err)
	}
	b := &box{engine: e, id: started.GetContainerID(), name: spec.Name, workdir: spec.Workdir, secrets: spec.Secrets}
	if spec.Dockerd != nil {
		if err := b.startDockerd(ctx, call, spec, labels); err != nil {
			return nil, err
		}
	}
	b.meter = &volumeMeter{box: b, image: spec.Image, labels: labels}
	if spec.Disk > 0 {
		b.disk = watchDisk(b, spec.Disk)
	}
	return b, nil
}

// dockerSocket is where builds look for an engine.
const dockerSocket = "/var/run/docker.sock"

func request(spec backend.BoxSpec, labels map[string]string, socket, shared string) testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image:      spec.Image,
		Name:       spec.Name,
		Entrypoint: []string{"/bin/sh", "-c", waiting},
		Labels:     labels,
		ConfigModifier: func(c *container.Config) {
			c.Image = spec.Image
			c.Env = environment(spec) // a list, not a map: a bare NAME unsets
			c.WorkingDir = spec.Workdir
			c.Hostname = "bisect" // builds print it: the default differs from trial to trial
			c.User = "0"          // whatever the image says: the tree is root's
			c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = container.NetworkMode(spec.Network)
			harden(h, capabilities(spec))
			limit(h, spec)
			for _, dir := range folders(spec) {
				h.Mounts = append(h.Mounts, volume(dir, labels))
			}
			if shared != "" {
				h.Mounts = append(h.Mounts, sharedMount(shared, spec.Shared, true))
			}
			if spec.Socket {
				// A mount, not a bind: a bind makes an empty folder where there is no socket.
				h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeBind, Source: socket, Target: dockerSocket})
			}
		},
	}
}

// environment is the build's. HOME is named once: what a list that names it twice means is for each program
// to say.
func environment(spec backend.BoxSpec) []string {
	named := func(e string) bool { return e == "HOME" || strings.HasPrefix(e, "HOME=") }
	if spec.Home == "" || slices.ContainsFunc(spec.Env, named) {
		return spec.Env
	}
	return append(slices.Clone(spec.Env), "HOME="+spec.Home)
}

// folders are the places of a box that get a volume each.
func folders(spec backend.BoxSpec) []string {
	var dirs []string
	if spec.Workdir != "/" {
		dirs = append(dirs, spec.Workdir)
	}
	if spec.Dockerd != nil {
		dirs = append(dirs, "/tmp", spec.Home, socketDir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// volume is one that is made for a container, with what the image has there, and removed with it: an engine's
// layered file system can be ten times slower at taking in a tree of thousands of files (fuse-overlayfs: 13 s
// against 1 s for docker/cli). It bears the box's labels, so that Sweep knows it even where its container is
// gone.
func volume(dir string, labels map[string]string) mount.Mount {
	return mount.Mount{Type: mount.TypeVolume, Target: dir, VolumeOptions: &mount.VolumeOptions{Labels: labels}}
}

func startError(ctx, call context.Context, what, image string, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "the image is not in the engine"), errdefs.IsNotFound(err) && strings.Contains(text, "No such image"):
		return backend.Infrastructuref("%s: image %s is not in the engine, and is never pulled: load it again", what, image)
	case strings.Contains(text, "/bin/sh") && strings.Contains(text, "no such file or directory"):
		return backend.NewUntestable(fmt.Errorf("%s: its image has no /bin/sh that runs: there is none, or its loader is missing; choose a base with a shell", what))
	case strings.Contains(text, `exec: "/bin/sh": permission denied`), strings.Contains(text, `exec: "/bin/sh": is a directory`):
		return backend.NewUntestable(fmt.Errorf("%s: the /bin/sh of its image is no program; choose a base with a shell", what))
	case errdefs.IsConflict(err):
		return backend.Infrastructuref("%s: another container has that name: remove it, or run `bisect gc`: %w", what, err)
	}
	return failed(ctx, call, what, err)
}

// removeMarked removes the container of a start that went wrong, if the engine made it after all. The mark
// keeps it from removing one that only has the same name.
func (e *Engine) removeMarked(ctx context.Context, name, mark string) {
	ctx, cancel := e.whileItAnswers(context.WithoutCancel(ctx), removeDeadline, true)
	defer cancel()
	found, err := e.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil || found.Container.Config == nil || found.Container.Config.Labels[labelBox] != mark {
		return
	}
	// What cannot be removed now carries the run's label, and Sweep takes it.
	_ = e.remove(ctx, found.Container.ID)
}
