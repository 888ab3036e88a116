package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

// endpoint is one place where an engine may answer.
type endpoint struct {
	origin string // who named it, for the reader: DOCKER_HOST, docker context "x", default socket
	host   string // unix:///… or tcp://…
	tls    string // folder with ca.pem, cert.pem and key.pem; "": as DOCKER_CERT_PATH says
}

// find returns a client of the first engine that answers. A place that the user named is the only one tried:
// to build on another engine than the one asked for would be worse than not to build.
func find(ctx context.Context) (endpoint, *client.Client, error) {
	places, err := candidates()
	if err != nil {
		return endpoint{}, nil, &UnavailableError{Tried: []Attempt{*err}}
	}
	var tried []Attempt
	for _, p := range places {
		cli, err := dial(ctx, p)
		if err == nil {
			return p, cli, nil
		}
		if ctx.Err() != nil {
			return endpoint{}, nil, context.Cause(ctx)
		}
		tried = append(tried, Attempt{p.origin, p.host, err})
	}
	return endpoint{}, nil, &UnavailableError{Tried: tried}
}

func candidates() ([]endpoint, *Attempt) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return []endpoint{{origin: "DOCKER_HOST", host: host}}, nil
	}
	if name := contextName(); name != "" {
		p, err := contextEndpoint(name)
		if err != nil {
			return nil, &Attempt{p.origin, p.host, err}
		}
		return []endpoint{p}, nil
	}
	places := []endpoint{{origin: "default socket", host: "unix:///var/run/docker.sock"}}
	for _, path := range rootlessSockets() {
		places = append(places, endpoint{origin: "rootless socket", host: "unix://" + path})
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
func dial(ctx context.Context, p endpoint) (*client.Client, error) {
	if strings.HasPrefix(p.host, "ssh://") {
		return nil, errors.New("ssh endpoints are not dialled; forward the socket (ssh -L ./docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix://$PWD/docker.sock")
	}
	ctx, cancel := within(ctx, pingDeadline)
	defer cancel()
	if err := knock(ctx, p.host); err != nil {
		return nil, err
	}
	opts := []client.Opt{client.FromEnv, client.WithHost(p.host)}
	if p.tls != "" {
		opts = append(opts, client.WithTLSClientConfig(
			filepath.Join(p.tls, "ca.pem"), filepath.Join(p.tls, "cert.pem"), filepath.Join(p.tls, "key.pem")))
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

// knock connects to a socket and no more. The client's own message loses the difference between no socket, no
// listener and no permission.
func knock(ctx context.Context, host string) error {
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
