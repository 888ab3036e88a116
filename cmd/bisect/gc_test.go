package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/rogpeppe/go-internal/testscript"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker"
	"buildbisect/runner/enginetest"
	"buildbisect/runner/session"
)

// withNestedEngine gives each script an engine of its own, so that what it sees there is its own, and it may
// do to it what it likes.
func withNestedEngine(t *testing.T) func(*testscript.Env) error {
	withEngine(t) // skips
	machine, err := docker.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { machine.Close() })
	base, cache := serveBase(t), t.TempDir()
	return func(env *testscript.Env) error {
		nest := enginetest.Nested(t, machine, machine.Info().Host, enginetest.NestOptions{})
		return (&engineSuite{host: nest.Host, base: base, cache: filepath.Join(cache, filepath.Base(env.WorkDir)), nest: nest}).setup(env)
	}
}

// killedOftenMain runs a command again and again, several at a time, and kills each with SIGKILL at some
// moment: `killed-often TIMES COMMAND [ARG...]`. It wants at least half of them to have been at work.
// BISECT_KILLS sets how often.
func killedOftenMain() {
	times, err := strconv.Atoi(os.Args[1])
	check(err)
	if more, err := strconv.Atoi(os.Getenv("BISECT_KILLS")); err == nil {
		times = more
	}
	seed := uint64(time.Now().UnixNano())
	fmt.Fprintf(os.Stderr, "seed %d\n", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const span = 1500 * time.Millisecond // from the first word to the third trial
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		atWork int
		slots  = make(chan struct{}, 4)
	)
	for i := range times {
		slots <- struct{}{}
		moment := time.Duration(random.Int64N(int64(span)))
		wait.Go(func() {
			defer func() { <-slots }()
			cmd := wrapped(append(slices.Clone(os.Args[2:]), "--state", fmt.Sprintf("killed-%d", i)))
			started := make(spoke)
			cmd.Stdout, cmd.Stderr = io.Discard, started
			check(cmd.Start())
			<-started
			time.Sleep(moment) // not to wait for something: the moments are spread
			_ = cmd.Process.Kill()
			err := cmd.Wait()
			mu.Lock()
			defer mu.Unlock()
			if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
				atWork++
			}
		})
	}
	wait.Wait()
	fmt.Fprintf(os.Stderr, "killed %d of %d\n", atWork, times)
	if atWork < times/2 {
		check(fmt.Errorf("only %d of %d were killed at work", atWork, times))
	}
}

// interruptedTwiceMain interrupts a command whose engine does not answer any more, and once more:
// `interrupted-twice COMMAND [ARG...]`. It wants it to be gone at once, and only then.
func interruptedTwiceMain() {
	stalled := stallableEngine()
	cmd := wrapped(os.Args[1:])
	check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(60 * time.Second); !hanging(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			check(errors.New("no trial got as far as to hang"))
		}
	}
	stalled()
	check(cmd.Process.Signal(syscall.SIGTERM))
	check(cmd.Process.Signal(syscall.SIGHUP)) // as service managers do: no second wish
	select {
	case err := <-ended:
		check(fmt.Errorf("ended though its engine does not answer: %v", err))
	case <-time.After(time.Second):
	}
	check(cmd.Process.Signal(os.Interrupt))
	select {
	case err := <-ended:
		endAs(err)
	case <-time.After(time.Second):
		_ = cmd.Process.Kill()
		check(errors.New("still running a second after the second signal"))
	}
}

// engineLists writes what is in the engine, a line for each container, volume and network: `engine-lists
// FILE`.
func engineLists(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: engine-lists FILE")
	}
	ctx, c := context.Background(), scriptClient(ts)
	defer c.Close()
	var lines []string
	containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	ts.Check(err)
	for _, box := range containers.Items {
		lines = append(lines, "container "+box.ID+" "+strings.Join(box.Names, " "))
	}
	volumes, err := c.VolumeList(ctx, client.VolumeListOptions{})
	ts.Check(err)
	for _, v := range volumes.Items {
		lines = append(lines, "volume "+v.Name)
	}
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{})
	ts.Check(err)
	for _, n := range networks.Items {
		lines = append(lines, "network "+n.Name)
	}
	images, err := c.ImageList(ctx, client.ImageListOptions{})
	ts.Check(err)
	for _, image := range images.Items {
		for _, ref := range image.RepoTags {
			lines = append(lines, "image "+ref)
		}
	}
	slices.Sort(lines)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}

// buildLeaves makes in the engine what a build under `engine: host` leaves that names it by its marker, such
// as a buildx builder: `build-leaves MARKER [LABEL=VALUE...]`. With dead=RUN it carries the labels of a
// session of that run that is dead.
func buildLeaves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: build-leaves MARKER [LABEL=VALUE...]")
	}
	marker, labels := args[0], map[string]string{}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		labels[key] = value
		if key == "dead" {
			o := session.Here()
			o.Run, o.Session, o.Start = value, value+".dead", "1" // this process had another's id before
			labels = o.Labels()
			labels[backend.LabelOwner] = "1"
		}
	}
	ctx, c := context.Background(), scriptClient(ts)
	defer c.Close()
	list, err := c.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", "bisect/builder")})
	ts.Check(err)
	if len(list.Items) == 0 {
		ts.Fatalf("no builder image is in the engine: let bisect run before")
	}
	builder := "buildx_buildkit_" + marker + "0"
	_, err = c.VolumeCreate(ctx, client.VolumeCreateOptions{Name: builder + "_state", Labels: labels})
	ts.Check(err)
	_, err = c.NetworkCreate(ctx, marker+"_default", client.NetworkCreateOptions{Labels: labels})
	ts.Check(err)
	if len(labels) == 0 { // an image has those that it was built with
		_, err = c.ImageTag(ctx, client.ImageTagOptions{Source: list.Items[0].ID, Target: "app:" + marker})
		ts.Check(err)
	}
	created, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: builder,
		Config: &container.Config{
			Image: list.Items[0].ID, Entrypoint: []string{"sleep", "600"}, User: "0", Labels: labels,
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", Binds: []string{builder + "_state:/var/lib/buildkit"}},
	})
	ts.Check(err)
	_, err = c.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	ts.Check(err)
}

// letBuildsGo ends what the builds of a run wait for, a file /go, until the script ends: `let-go MARK`.
func letBuildsGo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: let-go MARK")
	}
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	ts.Check(errors.Join(w.WriteHeader(&tar.Header{Name: "go", Mode: 0o644, Typeflag: tar.TypeReg}), w.Close()))
	c := scriptClient(ts)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	ts.Defer(func() {
		cancel()
		wait.Wait()
		c.Close()
	})
	boxes := make(client.Filters).Add("label", backend.LabelRun+"="+args[0])
	wait.Go(func() {
		for ctx.Err() == nil {
			list, _ := c.ContainerList(ctx, client.ContainerListOptions{Filters: boxes})
			for _, box := range list.Items {
				_, _ = c.CopyToContainer(ctx, box.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: bytes.NewReader(file.Bytes())})
			}
			time.Sleep(100 * time.Millisecond) // the next trial's box comes when it comes
		}
	})
}

// atWork waits until a run's first trial has printed "waiting", and sets a variable to the run's mark:
// `at-work STATE VARIABLE`.
func atWork(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: at-work STATE VARIABLE")
	}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		logs, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*", "trials", "1", "log"))
		ts.Check(err)
		if len(logs) != 1 {
			continue
		}
		if text, err := os.ReadFile(logs[0]); err != nil || !strings.Contains(string(text), "waiting") {
			continue
		}
		journal, err := os.ReadFile(filepath.Join(filepath.Dir(logs[0]), "..", "..", "journal.jsonl"))
		ts.Check(err)
		mark := aMarkAnywhere.FindString(string(journal))
		if mark == "" {
			ts.Fatalf("no mark in the journal: %s", journal)
		}
		ts.Setenv(args[1], strings.Trim(mark, `"`))
		return
	}
	ts.Fatalf("%s: no trial is at work", args[0])
}

var aMarkAnywhere = regexp.MustCompile(`"b[a-z2-7]{10}"`)

// stallableEngine stands between the commands to come and the engine, until the function that it returns is
// called: from then on it passes nothing on, and takes what it is sent.
func stallableEngine() (stall func()) {
	network, address, _ := strings.Cut(os.Getenv("DOCKER_HOST"), "://")
	socket, err := filepath.Abs("stall.sock")
	check(err)
	l, err := net.Listen("unix", socket)
	check(err)
	check(os.Setenv("DOCKER_HOST", "unix://"+socket))
	stalled := make(chan struct{})
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			select {
			case <-stalled:
				select {}
			default:
			}
			if _, werr := to.Write(buf[:n]); werr != nil || err != nil {
				return
			}
		}
	}
	go func() {
		for {
			from, err := l.Accept()
			check(err)
			to, err := net.Dial(network, address)
			check(err)
			go pass(to, from)
			go pass(from, to)
		}
	}()
	return func() { close(stalled) }
}

func scriptClient(ts *testscript.TestScript) *client.Client {
	c, err := ts.Value(engineKey{}).(*engineSuite).client()
	ts.Check(err)
	return c
}

// BenchmarkLookingForDeadRuns is what every start pays.
func BenchmarkLookingForDeadRuns(b *testing.B) {
	engine, err := docker.Connect(b.Context())
	if err != nil {
		b.Skip(err)
	}
	defer engine.Close()
	cache := b.TempDir()
	for b.Loop() {
		l, err := session.TakeLease(cache, session.NewMark(), engine.Info().ID, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		release, err := session.LockSweeps(b.Context(), cache)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (session.Sweeper{Backend: engine, Cache: cache, Here: l.Owner}).Scan(b.Context()); err != nil {
			b.Fatal(err)
		}
		release()
		if err := l.End(true); err != nil {
			b.Fatal(err)
		}
	}
}
