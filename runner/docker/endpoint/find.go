package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// Endpoint is one place where an engine may answer.
type Endpoint struct {
	Origin string // who named it, for the reader: DOCKER_HOST, docker context "x", default socket
	Host   string // unix:///… or tcp://…
	Tls    string // folder with ca.pem, cert.pem and key.pem; "": as DOCKER_CERT_PATH says
}

// PingDeadline is how long an engine may take to answer at all.
const PingDeadline = 10 * time.Second

// Find returns a client of the first engine that answers. A place that the user named is the only one tried:
// to build on another engine than the one asked for would be worse than not to build.
func Find(ctx context.Context) (Endpoint, *client.Client, error) {
	places, err := candidates()
	if err != nil {
		return Endpoint{}, nil, &UnavailableError{Tried: []Attempt{*err}}
	}
	var tried []Attempt
	for _, p := range places {
		cli, err := dial(ctx, p)
		if err == nil {
			return p, cli, nil
		}
		if ctx.Err() != nil {
			return Endpoint{}, nil, context.Cause(ctx)
		}
		tried = append(tried, Attempt{p.Origin, p.Host, err})
	}
	return Endpoint{}, nil, &UnavailableError{Tried: tried}
}

func candidates() ([]Endpoint, *Attempt) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return []Endpoint{{Origin: "DOCKER_HOST", Host: host}}, nil
	}
	if name := contextName(); name != "" {
		p, err := fromContext(name)
		if err != nil {
			return nil, &Attempt{p.Origin, p.Host, err}
		}
		return []Endpoint{p}, nil
	}
	places := []Endpoint{{Origin: "default socket", Host: "unix:///var/run/docker.sock"}}
	for _, path := range rootlessSockets() {
		places = append(places, Endpoint{Origin: "rootless socket", Host: "unix://" + path})
	}
	return places, nil
}

// rootlessSockets lists where an engine without root listens, most usual first.
func rootlessSockets() []string {
	var paths []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "docker.sock"))
	} else {
		paths = append(paths, fmt.Sprintf("/run/user/%d/docker.sock", os.Getuid()))
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".docker/desktop/docker.sock"))
	}
	return paths
}

// dial makes a client of p and pings it, which also settles the API version (DOCKER_API_VERSION wins).
func dial(ctx context.Context, p Endpoint) (*client.Client, error) {
	if strings.HasPrefix(p.Host, "ssh://") {
		return nil, errors.New("ssh endpoints are not dialled; forward the socket (ssh -L ./docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix://$PWD/docker.sock")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, PingDeadline, fmt.Errorf("no answer from the docker engine within %s", PingDeadline))
	defer cancel()
	if err := Knock(ctx, p.Host); err != nil {
		return nil, err
	}
	opts := []client.Opt{client.FromEnv, client.WithHost(p.Host)}
	if p.Tls != "" {
		opts = append(opts, client.WithTLSClientConfig(
			filepath.Join(p.Tls, "ca.pem"), filepath.Join(p.Tls, "cert.pem"), filepath.Join(p.Tls, "key.pem")))
	}
	cli, err := client.New(opts...)
	if err != nil {
		return nil, err
	}
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		cli.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return cli, nil
}

// Knock connects to a socket and no more. The client's own message loses the difference between no socket, no
// listener and no permission.
func Knock(ctx context.Context, host string) error {
	path, local := strings.CutPrefix(host, "unix://")
	if !local {
		return nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}
