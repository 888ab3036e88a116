package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker/endpoint"
)

// Ryuk is the reaper of testcontainers: a container that removes what carries a label once nobody is
// connected to it any more for ten seconds. It is the second line, behind leases and sweeps: it removes what
// is left of a killed process though no other ever starts here.
//
// It is used where its image is in the engine already, and never pulled. It is not waited for, and what goes
// wrong with it is of no account. It gets the engine's socket, as it must: it is for those who trust that
// image, who have it.
const ryukImage = "testcontainers/ryuk"

// ryukPort is where it listens, published on loopback alone: so the engine must be on this machine.
var ryukPort = network.MustParsePort("8080/tcp")

// Guard has Ryuk remove what carries the label named by, one of [Engine.Own]'s, should this process die. The
// others stand on Ryuk's own container, so that [Engine.Sweep] takes it. Release ends the watch, before
// anything else is cleaned up; it may be called at once.
func (e *Engine) Guard(by string) (release func()) {
	if !strings.HasPrefix(e.info.Host, "unix://") || os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "true" {
		return func() {}
	}
	return e.guard(ryukImage, e.labels, by)
}

func (e *Engine) guard(image string, labels map[string]string, by string) (release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		id, address, err := e.startRyuk(ctx, image, labels, by)
		if id != "" {
			defer func() { _ = e.removeOne(context.Background(), id) }()
		}
		// It gives who loses the connection ten seconds to come back.
		for err == nil && ctx.Err() == nil {
			err = holdRyuk(ctx, address, "label="+by+"="+labels[by])
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// startRyuk starts it, if its image is there, and says where it will listen.
func (e *Engine) startRyuk(ctx context.Context, image string, labels map[string]string, by string) (id, address string, err error) {
	found, err := e.cli.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", image)})
	if err != nil || len(found.Items) == 0 {
		return "", "", errors.Join(err, errors.New("it is not in the engine"))
	}
	own := maps.Clone(labels)
	delete(own, by) // or it would begin with itself
	own[backend.LabelOwner] = "1"
	call, cancel := afterwards(ctx, callDeadline)
	defer cancel()
	created, err := e.cli.ContainerCreate(call, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: found.Items[0].ID, Labels: own, ExposedPorts: network.PortSet{ryukPort: {}},
			Env: []string{"RYUK_CONNECTION_TIMEOUT=1m", "RYUK_RECONNECTION_TIMEOUT=10s", "RYUK_PORT=" + ryukPort.Port()},
		},
		HostConfig: &container.HostConfig{
			AutoRemove: true, SecurityOpt: []string{"no-new-privileges"},
			PortBindings: network.PortMap{ryukPort: {{HostIP: netip.MustParseAddr("127.0.0.1")}}},
			Mounts:       []mount.Mount{{Type: mount.TypeBind, Source: e.socket, Target: dockerSocket}},
		},
	})
	if err != nil {
		return "", "", err
	}
	if _, err := e.cli.ContainerStart(call, created.ID, client.ContainerStartOptions{}); err != nil {
		return created.ID, "", err
	}
	state, err := e.cli.ContainerInspect(call, created.ID, client.ContainerInspectOptions{})
	if err != nil {
		return created.ID, "", err
	}
	for _, binding := range state.Container.NetworkSettings.Ports[ryukPort] {
		return created.ID, net.JoinHostPort("127.0.0.1", binding.HostPort), nil
	}
	return created.ID, "", errors.New("its port is not published")
}

// holdRyuk tells it what to remove, and stays connected until ctx ends or the connection does.
func holdRyuk(ctx context.Context, address, filter string) error {
	conn, err := dialRyuk(ctx, address, filter)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, conn)
	return conn.Close()
}

// dialRyuk tries until it listens, which takes it a moment.
func dialRyuk(ctx context.Context, address, filter string) (net.Conn, error) {
	ctx, cancel := within(ctx, endpoint.PingDeadline)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			if err = greetRyuk(ctx, conn, filter); err == nil {
				return conn, nil
			}
			conn.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// greetRyuk says what to remove: a line of filters, which it acknowledges. Docker's proxy takes connections
// before Ryuk does, and then ends them.
func greetRyuk(ctx context.Context, conn net.Conn, filter string) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := fmt.Fprintf(conn, "%s\n", filter); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && answer != "ACK\n" {
		err = fmt.Errorf("it answers %q", answer)
	}
	return err
}
