package enginetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// Nest is a Docker engine of a test's own, inside a container of the machine's: one that may be stopped,
// hung, and have a full disk, without harm to anybody else. It is reached by a socket in a folder of the
// user's, which the container has too; no more than the right to use the machine's engine is needed. Its
// boxes have no way out.
//
// It is as good as the machine lets it be: under control groups of version 1 limits of memory, CPU and
// processes hold in it, but it cannot run --privileged containers.
type Nest struct {
	Host string // for DOCKER_HOST

	cli       *client.Client // of the machine's engine
	container string
	dir       string // on both sides
	lease     client.HijackedResponse
}

// NestOptions say what a [Nest] is like.
type NestOptions struct {
	Version string // of the catalogue; "": 20.10.24
	Disk    int64  // bytes that its data may take, in memory; 0: what the machine has
}

const (
	nestDir      = "/nest"
	nestData     = "/var/lib/docker"
	nestDeadline = time.Minute
)

// nestCapabilities are those of a box's own engine: see runner/docker.
var nestCapabilities = []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"}

// nestScript runs the engine, in the foreground. $1 is the group that may use its socket. What Docker mounts
// read-only and an engine has to write is made writable; a group of version 2 with processes of its own can
// have no children with limits. Old engines take a process id that another has got for their own that still
// runs.
const nestScript = `
exec >>` + nestDir + `/log 2>&1
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
rm -f /var/run/docker.pid
exec dockerd -G "$1" -H unix://` + nestDir + `/docker.sock --iptables=false --ip6tables=false
`

// Nested gives t an engine of its own, in a container of machine, which listens at host. It is gone when t
// ends, however that is: should the test process be killed, its connection to the container is the last thing
// that keeps it.
func Nested(t testing.TB, machine backend.Backend, host string, o NestOptions) *Nest {
	t.Helper()
	if !strings.HasPrefix(host, "unix://") {
		t.Skip("needs an engine on a local socket: it shares a folder with the test")
	}
	if o.Version == "" {
		o.Version = "20.10.24"
	}
	cli, err := client.New(client.FromEnv, client.WithHost(host))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	n := &Nest{cli: cli}
	image := Dockerd(t, machine, o.Version)
	// Not the test's own folder: the name of a socket must be shorter than 108 characters.
	if n.dir, err = os.MkdirTemp("", "bisect-nest-"); err != nil {
		t.Fatal(err)
	}
	n.Host = "unix://" + filepath.Join(n.dir, "docker.sock")
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(n.dir, "log")) // there is none if it never came so far
			t.Logf("the nested engine's last words:\n%s", text[max(0, len(text)-4000):])
		}
		if err := errors.Join(n.remove(), os.RemoveAll(n.dir)); err != nil {
			t.Errorf("remove the nested engine: %v", err)
		}
	})
	if err := n.create(t.Context(), image, o.Disk); err != nil {
		t.Fatalf("make a nested engine: %v", err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// Dockerd loads the image of an engine of the catalogue's. Like every image that bisect makes it is made
// once, in the user's cache, and stays in the engine until `bisect gc --images`: the next test, and the next
// process, find it there.
func Dockerd(t testing.TB, machine backend.Backend, version string) (id string) {
	t.Helper()
	if _, err := exec.LookPath("mmdebstrap"); err != nil && os.Getenv("BISECT_REQUIRE_DOCKER") != "1" {
		t.Skip(err)
	}
	base, err := catalogue.Shipped().Engine(version)
	if err != nil {
		t.Fatal(err)
	}
	image, err := (&images.Builder{Progress: func(line string) { t.Log(line) }}).Image(t.Context(), catalogue.Spec{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	if id, err = machine.Load(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	return id
}

// create makes the container. Its first process waits for the end of the connection; the engine runs beside
// it, so that it can come and go while its files stay.
func (n *Nest) create(ctx context.Context, image string, disk int64) error {
	data := mount.Mount{Type: mount.TypeVolume, Target: nestData} // layers upon layers want a real file system below
	if disk > 0 {
		data = mount.Mount{Type: mount.TypeTmpfs, Target: nestData, TmpfsOptions: &mount.TmpfsOptions{SizeBytes: disk}}
	}
	created, err := n.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: image, User: "0", WorkingDir: "/", Entrypoint: []string{"/bin/sh", "-c", "until cat; do :; done"}, // the end is one thing, being killed another
			Labels: map[string]string{"org.buildbisect.test": strconv.Itoa(os.Getpid())},
			Env:    []string{"container=docker"}, // to runc: do not look for AppArmor, which cannot be set up in here
			// The end of the only connection is the end of the input.
			OpenStdin: true, StdinOnce: true, AttachStdin: true,
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
		HostConfig: &container.HostConfig{
			AutoRemove: true, NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: nestCapabilities,
			SecurityOpt:  []string{"seccomp=unconfined", "apparmor=unconfined"},
			CgroupnsMode: container.CgroupnsModePrivate,
			Mounts:       []mount.Mount{data, {Type: mount.TypeBind, Source: n.dir, Target: nestDir}},
		},
	})
	if err != nil {
		return err
	}
	n.container = created.ID
	attached, err := n.cli.ContainerAttach(ctx, n.container, client.ContainerAttachOptions{Stream: true, Stdin: true})
	if err != nil {
		return err
	}
	n.lease = attached.HijackedResponse
	_, err = n.cli.ContainerStart(ctx, n.container, client.ContainerStartOptions{})
	return err
}

// remove removes the container with its volumes, and returns when it is gone.
func (n *Nest) remove() error {
	if n.container == "" {
		return nil
	}
	if n.lease.Conn != nil {
		n.lease.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), nestDeadline)
	defer cancel()
	var err error
	waited := until(ctx, "it is still there", func() bool {
		// It also removes itself; then the first answer is a conflict.
		_, err = n.cli.ContainerRemove(ctx, n.container, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err != nil && !errdefs.IsConflict(err)
	})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return errors.Join(waited, err)
}
