package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/moby/client"
	"github.com/rogpeppe/go-internal/testscript"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker"
	"buildbisect/runner/docker/endpoint"
	"buildbisect/runner/enginetest"
)

// withEngine gives scripts the machine's engine, one cache, and a small base image that they name $BASE. What
// they leave in the engine is removed when t ends. Without an engine they are skipped, but fail under
// BISECT_REQUIRE_DOCKER=1.
func withEngine(t *testing.T) func(*testscript.Env) error {
	if testing.Short() {
		t.Skip("needs a docker engine")
	}
	engine, err := docker.Connect(t.Context())
	if unavailable := (*endpoint.UnavailableError)(nil); errors.As(err, &unavailable) && os.Getenv("BISECT_REQUIRE_DOCKER") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	host := engine.Info().Host
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	s := &engineSuite{host: host, base: serveBase(t), cache: t.TempDir()}
	t.Cleanup(func() {
		if err := s.removeImages(context.Background()); err != nil {
			t.Errorf("images of this test: %v", err)
		}
	})
	return s.setup
}

// engineSuite is what the scripts of one test process share.
type engineSuite struct {
	host, base, cache string
	nest              *enginetest.Nest // where the engine is the scripts' own
}

// engineKey is where a script finds its suite.
type engineKey struct{}

func (s *engineSuite) setup(env *testscript.Env) error {
	env.Values[engineKey{}] = s
	env.Setenv("DOCKER_HOST", s.host)
	for _, name := range []string{"DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "BISECT_INTERRUPTS", "BISECT_KILLS"} {
		if value, ok := os.LookupEnv(name); ok {
			env.Setenv(name, value)
		}
	}
	env.Setenv("XDG_CACHE_HOME", s.cache)
	if dir, err := os.UserCacheDir(); err == nil {
		env.Setenv("USER_CACHE", dir) // where the bases of shipped scenarios lie already
	}
	env.Setenv("USER_HOME", os.Getenv("HOME")) // where the go command keeps what it has compiled
	env.Setenv("BASE", s.base)
	return errors.Join(anyMachine(env), replaceInScenarios(env.WorkDir, "$BASE", s.base))
}

// suiteMark stands in the environment of the base image, and so of all images and boxes made of it: test
// processes that share an engine must not remove each other's.
func suiteMark() string { return "BISECT_SUITE=" + strconv.Itoa(os.Getpid()) }

// serveBase serves the base image from a registry on loopback, and returns its reference by digest.
func serveBase(t testing.TB) string {
	t.Helper()
	busybox := enginetest.Busybox(t)
	file, err := busybox.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config.Env = append(file.Config.Env, suiteMark())
	image, err := mutate.ConfigFile(busybox.Image, file)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(strings.TrimPrefix(server.URL, "http://") + "/busybox@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

func (s *engineSuite) client() (*client.Client, error) {
	return client.New(client.FromEnv, client.WithHost(s.host))
}

// removeImages removes the builder images that were made of the base.
func (s *engineSuite) removeImages(ctx context.Context) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", "bisect/builder")})
	if err != nil {
		return err
	}
	var errs []error
	for _, image := range list.Items {
		found, err := c.ImageInspect(ctx, image.ID)
		if err != nil || found.Config == nil || !slices.Contains(found.Config.Env, suiteMark()) {
			continue // another's, perhaps removed by now
		}
		_, err = c.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// nothingLeft wants no container of this test that outlives the bisect that made it, and no volume of the
// processes that file pids lists.
func nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: nothing-left")
	}
	ctx := context.Background()
	c, err := ts.Value(engineKey{}).(*engineSuite).client()
	ts.Check(err)
	defer c.Close()
	list, err := c.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", backend.LabelRun)})
	ts.Check(err)
	for _, box := range list.Items {
		found, err := c.ContainerInspect(ctx, box.ID, client.ContainerInspectOptions{})
		if err != nil || found.Container.Config == nil || !slices.Contains(found.Container.Config.Env, suiteMark()) {
			continue
		}
		pid, err := strconv.Atoi(box.Labels["org.buildbisect.pid"])
		ts.Check(err)
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			ts.Fatalf("container %s %v was left", box.ID, box.Names)
		}
	}
	pids, err := os.ReadFile(ts.MkAbs("pids"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	ts.Check(err)
	volumes, err := c.VolumeList(ctx, client.VolumeListOptions{Filters: make(client.Filters).Add("label", backend.LabelRun)})
	ts.Check(err)
	for _, v := range volumes.Items {
		if slices.Contains(strings.Fields(string(pids)), v.Labels["org.buildbisect.pid"]) {
			ts.Fatalf("volume %s was left", v.Name)
		}
	}
}
