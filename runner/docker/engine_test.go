package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"buildbisect/images"
	"buildbisect/runner/backend"
	"buildbisect/runner/docker/endpoint"
	"buildbisect/runner/enginetest"
)

// connect gives the machine's engine. Without one the test is skipped, but fails under
// BISECT_REQUIRE_DOCKER=1.
func connect(t testing.TB) *Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a docker engine")
	}
	e, err := Connect(t.Context())
	var unavailable *endpoint.UnavailableError
	if errors.As(err, &unavailable) && os.Getenv("BISECT_REQUIRE_DOCKER") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// busyboxUsers counts the tests that use the test image now.
var busyboxUsers struct {
	sync.Mutex
	count int
}

// busybox gives the test image; it is removed from the engine when the last test ends that uses it.
func busybox(t testing.TB, e *Engine) *images.Image {
	t.Helper()
	image := enginetest.Busybox(t)
	busyboxUsers.Lock()
	defer busyboxUsers.Unlock()
	busyboxUsers.count++
	t.Cleanup(func() {
		busyboxUsers.Lock()
		defer busyboxUsers.Unlock()
		if busyboxUsers.count--; busyboxUsers.count > 0 {
			return
		}
		_, err := e.cli.ImageRemove(context.Background(), image.Name, client.ImageRemoveOptions{PruneChildren: true})
		if err != nil && !errdefs.IsNotFound(err) {
			t.Errorf("remove the test image: %v", err)
		}
	})
	return image
}

func load(t testing.TB, e *Engine) string {
	t.Helper()
	id, err := e.Load(t.Context(), busybox(t, e))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDockerKeepsTheEngineContract(t *testing.T) {
	e := connect(t)
	enginetest.Run(t, e, func(t *testing.T) *images.Image { return busybox(t, e) }, outside(e))
}

// outside does behind e's back what the contract's tests ask for.
func outside(e *Engine) enginetest.Outside {
	return enginetest.Outside{
		Kill: func(t *testing.T, box string) {
			if _, err := e.cli.ContainerKill(context.Background(), box, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
				t.Error(err)
			}
		},
		// The process alone dies, as of a bug or for want of memory; its container follows in its own time.
		KillDockerd: func(t *testing.T, box string) { inEngine(t, e, box, "kill -9 $(cat /var/run/docker.pid)") },
		Watch:       func(t *testing.T, box string) func() []string { return watch(t, e, box) },
		Running: func(t *testing.T, box string) bool {
			for _, name := range []string{box, box + dockerdSuffix} {
				if state, err := e.state(t.Context(), name); err == nil && state.Running {
					return true
				}
			}
			return false
		},
	}
}

// inEngine runs a script in the container of a box's own engine.
func inEngine(t *testing.T, e *Engine, name, script string) {
	t.Helper()
	found, err := e.cli.ContainerInspect(context.Background(), name+dockerdSuffix, client.ContainerInspectOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	b := &box{engine: e, id: found.Container.ID, name: found.Container.Name, workdir: "/"}
	// The script may end the very container.
	if _, err := b.Exec(context.Background(), script, io.Discard); err != nil && !errors.Is(err, backend.ErrInfrastructure) {
		t.Error(err)
	}
}

// watch notes the containers of a box and their volumes and returns what tells which of them still exist.
func watch(t *testing.T, e *Engine, box string) func() []string {
	t.Helper()
	ids, volumes := map[string]string{}, map[string]bool{}
	for _, name := range []string{box, box + dockerdSuffix} {
		found, err := e.cli.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) && name != box {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = found.Container.ID
		for _, m := range found.Container.Mounts {
			if m.Name != "" {
				volumes[m.Name] = true
			}
		}
	}
	return func() (left []string) {
		for name, id := range ids {
			if _, err := e.cli.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
				left = append(left, "container "+name)
			}
		}
		for v := range volumes {
			if _, err := e.cli.VolumeInspect(t.Context(), v, client.VolumeInspectOptions{}); !errdefs.IsNotFound(err) {
				left = append(left, "volume "+v)
			}
		}
		return left
	}
}

// volumes lists the volumes of a run.
func volumes(t *testing.T, e *Engine, run string) (names []string) {
	t.Helper()
	list, err := e.cli.VolumeList(t.Context(), client.VolumeListOptions{Filters: make(client.Filters).Add("label", backend.LabelRun+"="+run)})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list.Items {
		names = append(names, v.Name)
	}
	return names
}

func TestInfoNamesTheLowestAPI(t *testing.T) {
	info := connect(t).Info()
	if info.MinAPIVersion == "" || info.APIVersion == "" || info.Version == "" || info.CPUs < 1 || info.Memory < 1 || info.StorageDriver == "" {
		t.Errorf("got %+v", info)
	}
}

func TestTwoConnectionsInOneProcess(t *testing.T) {
	first, second := connect(t), connect(t)
	if first.Info().Version != second.Info().Version {
		t.Errorf("%+v differs from %+v", first.Info(), second.Info())
	}
	if value, set := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED"); set {
		t.Errorf("our setting stayed in the environment: %q", value)
	}
}

func TestABoxIsBoundedAndHasNoDoorsToTheHost(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "bridge", CPUs: 0.5, Memory: 64 << 20, PIDs: 50,
		Labels: map[string]string{backend.LabelRun: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	found, err := e.cli.ContainerInspect(t.Context(), started.(*box).id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := found.Container
	if h := c.HostConfig; h.NanoCPUs != 5e8 || h.Memory != 64<<20 || h.MemorySwap != 64<<20 || *h.PidsLimit != 50 || h.Privileged ||
		!slices.Contains(h.SecurityOpt, "no-new-privileges") || len(h.Binds)+len(h.Mounts) > 0 {
		t.Errorf("host config: %+v", h)
	}
	if len(c.HostConfig.PortBindings) > 0 || len(c.NetworkSettings.Ports) > 1 {
		t.Errorf("ports published: %v, %v", c.HostConfig.PortBindings, c.NetworkSettings.Ports)
	}
	for port, bindings := range c.NetworkSettings.Ports {
		if len(bindings) > 0 {
			t.Errorf("port %s published at %v", port, bindings)
		}
	}
	if c.Config.Labels[backend.LabelOwner] != "1" || c.Config.Labels[backend.LabelRun] != "test" {
		t.Errorf("labels: %v", c.Config.Labels)
	}
}

func TestALimitOfProcessorsThatTheEngineCannotSetIsBroughtDown(t *testing.T) {
	e := connect(t)
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: load(t, e), Network: "none", CPUs: float64(e.info.CPUs) + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	for _, c := range []struct {
		info        Info
		asked, want float64
	}{
		{Info{CPUs: 4}, 8, 4},
		{Info{CPUs: 4}, 2.5, 2.5},
		{Info{CPUs: 4}, 0, 0},
		{Info{}, 2, 2},
		{Info{CPUs: 4, Unlimited: []string{unlimitedCPUs}}, 2, 0},
	} {
		if got := c.info.cpus(c.asked); got != c.want {
			t.Errorf("%v of %+v: %v, want %v", c.asked, c.info, got, c.want)
		}
	}
}

func TestTheEnginesSocketWorksInABox(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none", Socket: true})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	var out strings.Builder
	exit, err := started.Exec(t.Context(), "test -S /var/run/docker.sock", &out)
	if err != nil || exit.Code != 0 {
		t.Errorf("got %+v, %v, %q", exit, err, out.String())
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	const name = "bisect-test-halfway"
	// The container is made, and then cannot start: the socket to mount is not there.
	broken := &Engine{cli: e.cli, provider: e.provider, info: e.info, socket: "/no/such/docker.sock"}
	_, err := broken.Start(t.Context(), backend.BoxSpec{Image: id, Name: name, Network: "none", Socket: true,
		Workdir: "/src", Labels: map[string]string{backend.LabelRun: "halfway"}})
	if !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
	if left := volumes(t, e, "halfway"); len(left) > 0 {
		t.Errorf("its volume is still there: %q", left)
	}
	if _, err := e.cli.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("the container is still there: %v", err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	cancel(why)
	if _, err := e.Start(ctx, backend.BoxSpec{Image: id, Name: name, Network: "none"}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestATakenNameIsRefusedAndItsContainerSpared(t *testing.T) {
	e := connect(t)
	spec := backend.BoxSpec{Image: load(t, e), Name: "bisect-test-taken", Network: "none"}
	first, err := e.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if second, err := e.Start(t.Context(), spec); err == nil {
		second.Close()
		t.Error("two boxes with one name")
	} else if !strings.Contains(err.Error(), "another container has that name") {
		t.Errorf("got %v", err)
	}
	var out strings.Builder
	if exit, err := first.Exec(t.Context(), "echo alive", &out); err != nil || exit.Code != 0 {
		t.Errorf("the first box suffered: %+v, %v", exit, err)
	}
}

func TestSweepTakesOneRunAndNoOther(t *testing.T) {
	e := connect(t)
	id := load(t, e)
	var boxes []*box
	for _, run := range []string{"sweep-a", "sweep-a", "sweep-b"} {
		b, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Network: "none", Workdir: "/src", Labels: map[string]string{backend.LabelRun: run}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		boxes = append(boxes, b.(*box))
	}
	// As `docker container prune` and a crash of the engine do: the container goes, its volumes stay. The
	// image's own carries no label; composed images have none, so it is this test's to remove.
	left := watch(t, e, boxes[1].id)
	defer func() {
		for _, item := range left() {
			if volume, ok := strings.CutPrefix(item, "volume "); ok {
				if _, err := e.cli.VolumeRemove(t.Context(), volume, client.VolumeRemoveOptions{}); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	if _, err := e.cli.ContainerRemove(t.Context(), boxes[1].id, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if a, b := volumes(t, e, "sweep-a"), volumes(t, e, "sweep-b"); len(a) != 2 || len(b) != 1 {
		t.Fatalf("volumes before: %q and %q", a, b)
	}
	if err := e.Sweep(t.Context(), "sweep-a"); err != nil {
		t.Fatal(err)
	}
	if a, b := volumes(t, e, "sweep-a"), volumes(t, e, "sweep-b"); len(a) != 0 || len(b) != 1 {
		t.Errorf("volumes after: %q and %q", a, b)
	}
	for i, b := range boxes {
		_, err := b.state(t.Context())
		if gone := errdefs.IsNotFound(err); gone != (i < 2) {
			t.Errorf("box %d: gone is %t", i, gone)
		}
	}
	if err := e.Sweep(t.Context(), ""); err == nil {
		t.Error("a sweep of no run would be one of all")
	}
}

func TestTheEnginesLabelsGoOnEveryBoxSoThatSweepFindsThoseOfChecksToo(t *testing.T) {
	e := connect(t)
	e.labels = map[string]string{backend.LabelRun: "sweep-checks"}
	b, err := e.Start(t.Context(), backend.BoxSpec{Image: load(t, e), Network: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := e.Sweep(t.Context(), "sweep-checks"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.(*box).state(t.Context()); !errdefs.IsNotFound(err) {
		t.Errorf("the box is still there: %v", err)
	}
}

func TestAShellThatNeverWorkedIsNoVerdict(t *testing.T) {
	e := connect(t)
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: load(t, e), Network: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	var out strings.Builder
	if exit, err := started.Exec(t.Context(), "rm /bin/sh", &out); err != nil || exit.Code != 0 {
		t.Fatal(exit, err)
	}
	started.(*box).begun.Store(false) // as if the engine had never run it; what a build does to its shell is another thing
	exit, err := started.Exec(t.Context(), "true", &out)
	if !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "/bin/sh") {
		t.Errorf("got %+v, %v", exit, err)
	}
}

func TestAnEngineThatGoesAwayIsInfrastructure(t *testing.T) {
	direct := connect(t)
	id := load(t, direct)
	path, local := strings.CutPrefix(direct.Info().Host, "unix://")
	if !local {
		t.Skip("needs an engine on a local socket")
	}
	proxy := newProxy(t, path)
	t.Setenv("DOCKER_HOST", "tcp://"+proxy.listener.Addr().String())
	e := connect(t)
	const name = "bisect-test-proxy"
	started, err := e.Start(t.Context(), backend.BoxSpec{Image: id, Name: name, Network: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := direct.removeOne(context.Background(), name); err != nil {
			t.Error(err)
		}
	}()
	exit, err := started.Exec(t.Context(), "echo begun; sleep 60", proxy)
	if !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %+v, %v", exit, err)
	}
	if err := started.Close(); !errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("close: got %v", err)
	}
}

// proxy passes an engine's socket on, counts what is sent there, and cuts all connections at the first output
// it is written.
type proxy struct {
	listener net.Listener
	sent     atomic.Int64 // bytes towards the engine
	mu       sync.Mutex
	conns    []net.Conn
}

func newProxy(t *testing.T, socket string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", socket)
			if err != nil {
				from.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, from, to)
			p.mu.Unlock()
			go func() {
				io.Copy(io.MultiWriter(to, counter{&p.sent}), from)
				to.Close()
			}()
			go func() {
				io.Copy(from, to)
				from.Close()
			}()
		}
	}()
	t.Cleanup(p.cut)
	return p
}

type counter struct{ *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}

func (p *proxy) Write(output []byte) (int, error) {
	p.cut()
	return len(output), nil
}

func (p *proxy) cut() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}
