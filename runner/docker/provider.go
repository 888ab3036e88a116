package docker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"buildbisect/runner/docker/endpoint"
)

// settingUp is held while testcontainers reads its settings, which it takes from the environment a single
// time in a process.
var settingUp sync.Mutex

// newProvider makes testcontainers talk to the engine we found, through cli, and in silence.
//
// It has no option for some of what we need, only variables: without its reaper (an image pulled from Docker
// Hub; our labels and Sweep do that work) and on our endpoint, which it would otherwise look for itself, in
// another order.
func newProvider(p endpoint.Endpoint, cli *client.Client) (*testcontainers.DockerProvider, error) {
	settingUp.Lock()
	defer settingUp.Unlock()
	log.SetDefault(log.NewNoopLogger())
	settings := map[string]string{"TESTCONTAINERS_RYUK_DISABLED": "true", "DOCKER_HOST": p.Host}
	if p.Tls != "" {
		settings["DOCKER_CERT_PATH"], settings["DOCKER_TLS_VERIFY"] = p.Tls, "1"
	}
	defer setenv(settings)()
	provider, err := testcontainers.NewDockerProvider(
		testcontainers.Generic2DockerOptions(testcontainers.WithLogger(log.NewNoopLogger()))...)
	if err != nil {
		return nil, err
	}
	if !provider.Config().Config.RyukDisabled {
		return nil, fmt.Errorf("its reaper is on: testcontainers was used in this process before; set TESTCONTAINERS_RYUK_DISABLED=true")
	}
	provider.Close()
	provider.SetClient(&strict{cli})
	return provider, nil
}

// setenv sets variables and returns what restores them.
func setenv(settings map[string]string) (restore func()) {
	type state struct {
		value string
		set   bool
	}
	before := map[string]state{}
	for name, value := range settings {
		old, set := os.LookupEnv(name)
		before[name] = state{old, set}
		os.Setenv(name, value)
	}
	return func() {
		for name, s := range before {
			if s.set {
				os.Setenv(name, s.value)
			} else {
				os.Unsetenv(name)
			}
		}
	}
}

// strict is a client that refuses what testcontainers would do beyond our wish.
type strict struct{ client.APIClient }

// ImagePull never pulls: what a trial runs on was composed and loaded, or it is a mistake.
func (s *strict) ImagePull(context.Context, string, client.ImagePullOptions) (client.ImagePullResponse, error) {
	return nil, errdefs.ErrNotFound.WithMessage("the image is not in the engine")
}

// ImageInspect undoes the prefix that a user's ~/.testcontainers.properties may put before every image: ours
// are ids.
func (s *strict) ImageInspect(ctx context.Context, image string, opts ...client.ImageInspectOption) (client.ImageInspectResult, error) {
	if i := strings.Index(image, "/sha256:"); i >= 0 {
		image = image[i+1:]
	}
	return s.APIClient.ImageInspect(ctx, image, opts...)
}

// NetworkCreate makes none: a box has no network or the engine's bridge.
func (s *strict) NetworkCreate(context.Context, string, client.NetworkCreateOptions) (client.NetworkCreateResult, error) {
	return client.NetworkCreateResult{}, nil
}

// ContainerCreate joins no further network and publishes no port, whatever the image exposes.
func (s *strict) ContainerCreate(ctx context.Context, opts client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	opts.NetworkingConfig = nil
	opts.HostConfig.PortBindings = nil
	return s.APIClient.ContainerCreate(ctx, opts)
}

// Close keeps the connections: testcontainers closes them after every call.
func (s *strict) Close() error { return nil }
