package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"buildbisect/runner/backend"
)

// A box with an engine of its own is two containers: the box, and beside it one in which a dockerd runs. The
// second one takes all volumes of the first, so that a path means the same to the build and to the engine
// that it talks to, and shares its network, so that the build reaches what it starts, on loopback and on the
// bridge, even with no way out.

const (
	dockerdSuffix = "-engine" // of the second container's name
	dockerdData   = "/var/lib/docker"
	// socketDir is a volume that both have: a socket cannot be shared before it exists, nor a file system's
	// own folder /run be covered.
	socketDir = "/run/bisect"
	// dockerdDeadline is for a dockerd to become ready, which takes one or two seconds.
	dockerdDeadline = time.Minute
	dockerdPulse    = 50 * time.Millisecond
)

// dockerdCapabilities are all that a dockerd and its runc need: what Docker gives to any container, because
// the ones inside get the same and nobody can pass on what he lacks, and three more. SYS_RESOURCE is not
// among them, so a container inside cannot raise a limit, as with --ulimit, nor be --privileged under old
// engines.
var dockerdCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID",
	"SETPCAP", "SETUID", "SYS_CHROOT",
	"NET_ADMIN",  // its bridge, addresses and iptables
	"SYS_ADMIN",  // mounts and namespaces
	"SYS_PTRACE", // `docker exec` into a container of another user
}

// dockerdScript is the first process of the second container. Its words are the sockets to listen on.
//
// Docker mounts /proc/sys and the control groups read-only; nothing else of /proc and /sys needs to be
// written. A group of version 2 with processes of its own can have no children with limits, so ours move. The
// iptables of Debian speaks nft, for which some kernels have no support, and others none for its predecessor:
// take the first that works. A dockerd leaves reaping to its init, which every engine's package brings along.
const dockerdScript = `
set -e
mount -o remount,bind,rw /proc/sys
while read -r _ dir type _; do
	case $type in cgroup|cgroup2) mount -o remount,bind,rw "$dir" ;; esac
done </proc/mounts
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/init
	while read -r pid; do echo "$pid" >/sys/fs/cgroup/init/cgroup.procs || :; done </sys/fs/cgroup/cgroup.procs
	for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || :; done
fi
mount --make-rshared /
for kind in nft legacy; do
	if "iptables-$kind" -t nat -n -L >/dev/null 2>&1; then
		mkdir -p /run/bisect-bin
		for name in iptables ip6tables; do
			for end in "" -save -restore; do ln -sf "$(command -v "$name-$kind$end")" "/run/bisect-bin/$name$end" || :; done
		done
		PATH=/run/bisect-bin:$PATH
		break
	fi
done
init=
if command -v docker-init >/dev/null; then init="docker-init --"; fi
for socket; do set -- "$@" -H "unix://$socket"; shift; done
exec $init dockerd "$@"
`

// withEngine completes the spec of a box that gets an engine of its own.
func withEngine(spec backend.BoxSpec) (backend.BoxSpec, error) {
	if spec.Socket {
		return spec, fmt.Errorf("start box %s: it asks for the machine's docker engine and for one of its own: choose one", spec.Name)
	}
	set := slices.IndexFunc(spec.Env, func(e string) bool { return strings.HasPrefix(e, "HOME=") })
	switch {
	case spec.Home != "":
	case set >= 0:
		spec.Home = strings.TrimPrefix(spec.Env[set], "HOME=")
	default:
		spec.Home = "/root"
	}
	spec.Home = path.Clean("/" + spec.Home)
	for what, dir := range map[string]string{"work folder": spec.Workdir, "HOME": spec.Home} {
		if dir == "/" {
			return spec, fmt.Errorf("start box %s: the %s is /, which cannot be shared with a docker engine of its own: choose another", spec.Name, what)
		}
	}
	return spec, nil
}

// startDockerd starts the second container and returns when the engine in it answers. If that goes wrong the
// caller removes it, by its mark.
func (b *box) startDockerd(ctx, call context.Context, spec backend.BoxSpec, labels map[string]string) error {
	what := fmt.Sprintf("start docker engine %s of box %s", spec.Dockerd.Version, b.name)
	if err := b.linkSocket(call); err != nil {
		return err
	}
	started, err := b.engine.provider.RunContainer(call, dockerdRequest(spec, labels, b.id))
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return startError(ctx, call, what, spec.Dockerd.Image, err)
	}
	b.dockerd, b.dockerdVersion = started, spec.Dockerd.Version
	b.countOOMs()
	// Unlike the start itself, waiting may be broken off.
	wctx, cancel := context.WithTimeoutCause(ctx, dockerdDeadline, fmt.Errorf("not ready within %s", dockerdDeadline))
	defer cancel()
	ready := wait.ForLog("API listen on " + path.Join(socketDir, "docker.sock")).WithStartupTimeout(dockerdDeadline).WithPollInterval(dockerdPulse)
	if err := ready.WaitUntilReady(wctx, started); err != nil {
		b.stopCounting()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if wctx.Err() != nil {
			err = context.Cause(wctx)
		}
		if state, stateErr := b.engine.state(call, started.GetContainerID()); stateErr == nil && !state.Running && (state.ExitCode == 126 || state.ExitCode == 127) {
			return backend.NewUntestable(fmt.Errorf("%s: its image has no dockerd that runs%s", what, b.dockerdLog()))
		}
		return backend.Infrastructuref("%s: %w%s", what, err, b.dockerdLog())
	}
	return nil
}

func dockerdRequest(spec backend.BoxSpec, labels map[string]string, box string) testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image:      spec.Dockerd.Image,
		Name:       spec.Name + dockerdSuffix,
		Entrypoint: []string{"/bin/sh", "-c", dockerdScript, "sh"},
		// The first is for builds that mount the socket into a container: the engine resolves that path on
		// its own side.
		Cmd:    []string{dockerSocket, path.Join(socketDir, "docker.sock")},
		Labels: labels,
		Env:    map[string]string{"container": "docker"}, // to runc: do not look for AppArmor, which cannot be set up in here
		ConfigModifier: func(c *container.Config) {
			c.Image = spec.Dockerd.Image
			c.User = "0"
			c.WorkingDir = "/"
			c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = container.NetworkMode("container:" + box)
			h.VolumesFrom = []string{box}
			h.CapDrop, h.CapAdd = []string{"ALL"}, dockerdCapabilities
			// Docker's own profiles forbid what runc does first: a new root, a keyring, mounts.
			h.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
			h.CgroupnsMode = container.CgroupnsModePrivate
			// Its own layers on overlay2 want a real file system below. Where the kernel refuses that,
			// dockerd takes vfs by itself.
			h.Mounts = []mount.Mount{volume(dockerdData, labels)}
			h.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "16m"}} // whatever the host's default: we read it
			limit(h, spec)
		},
	}
}

// linkSocket puts the engine's socket where the build looks for it. /var/run may be a folder, a link, or not
// be there.
func (b *box) linkSocket(ctx context.Context) error {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: path.Base(dockerSocket), Linkname: path.Join(socketDir, "docker.sock"), Mode: 0o777})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return b.Put(ctx, path.Dir(dockerSocket), &buf)
}
