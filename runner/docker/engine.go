// Package docker runs the boxes of trials on a Docker engine, from 20.10 (API 1.40) on.
//
// It promises that a trial's box starts from an image that is already in the engine, that its output arrives
// whole and in order however much it is, that it is dead when its context is, and that nothing of it stays
// behind. What goes wrong with the engine is told apart from what goes wrong with the build: see
// [backend.ErrInfrastructure].
//
// A box may have a Docker engine of its own, of any version from 20.10 on that Debian has: see
// [backend.DockerdSpec] and dockerd.go. That takes three capabilities more than a container usually has,
// never --privileged, but no seccomp and no AppArmor: it keeps trials apart, not a hostile build from the
// machine. Under control groups of version 1 it cannot run --privileged containers itself.
//
// A box is created in start.go, with the limits and the few rights of limits.go; its scripts run in exec.go,
// under supervisor.go; files go in and out in box.go and artifacts.go. What it writes is watched in
// diskwatch.go, and how much room the engine has left for all, in diskroom.go. Images come into the engine in
// load.go, and what is left is found and removed in owned.go and remove.go. isolation.go only says how well
// the engine keeps boxes apart.
//
// Its limits: it never pulls, it starts no helpers of its own but what [Engine.Guard] is asked for (so
// containers of a killed process wait for [Engine.Sweep], or for who finds them by [Engine.Owned]), boxes are
// Linux containers whose image has a /bin/sh, and ssh:// endpoints are not dialled.
package docker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker/endpoint"
)

// labelBox is on every box, beside the labels of its BoxSpec: a random word, which proves that a container is
// the one we asked for.
const labelBox = "org.buildbisect.box"

// How long the engine may take for one call. A healthy one needs milliseconds; these are for a sick one.
const (
	callDeadline  = 30 * time.Second
	startDeadline = 2 * time.Minute
	copyDeadline  = 30 * time.Minute // large trees over a network
	killDeadline  = 10 * time.Second
	// removeDeadline is for a container with millions of files; see whileItAnswers.
	removeDeadline = 10 * time.Minute
)

// Engine is a connection to one Docker engine. Its methods may be called at the same time.
type Engine struct {
	labels map[string]string // on every box, those that Check starts included; a BoxSpec's own win

	cli      *client.Client
	provider *testcontainers.DockerProvider
	info     Info
	socket   string // path on the engine's own machine

	relief sync.Mutex // held while one box is ended because the engine's disk is nearly full: that may be enough

	loading chan struct{} // holds a token while one image is sent: loads are bound by the disk

	mu     sync.Mutex
	before map[string]bool     // images that Snapshot saw, by id; nil before
	ours   map[string]bool     // images that Load answered with, by id
	shares map[string]*sharing // by path in boxes
}

var (
	_ backend.Backend       = (*Engine)(nil)
	_ backend.HealthChecker = (*Engine)(nil)
	_ backend.Reaper        = (*Engine)(nil)
	_ backend.Capacity      = (*Engine)(nil)
)

// Connect finds the engine as docker's own client does (DOCKER_HOST, else the current docker context, else
// the usual sockets) and asks it what it is. Where there is none the error is an
// [*endpoint.UnavailableError].
func Connect(ctx context.Context) (*Engine, error) {
	at, cli, err := endpoint.Find(ctx)
	if err != nil {
		return nil, err
	}
	info, err := ask(ctx, cli)
	if err != nil {
		cli.Close()
		return nil, &endpoint.UnavailableError{Tried: []endpoint.Attempt{{Origin: at.Origin, Host: at.Host, Err: err}}}
	}
	provider, err := newProvider(at, cli)
	if err != nil {
		cli.Close()
		return nil, fmt.Errorf("docker engine %s: set up testcontainers: %w", at.Host, err)
	}
	return &Engine{
		cli: cli, provider: provider, info: info, socket: socketPath(at.Host, info),
		loading: make(chan struct{}, 1), ours: map[string]bool{},
	}, nil
}

// ID is that of the engine.
func (e *Engine) ID() string { return e.info.ID }

// Own puts labels on every box that is started from now on.
func (e *Engine) Own(labels map[string]string) { e.labels = labels }

// Capacity is what the engine says it has.
func (e *Engine) Capacity() (cpus int, memory int64) { return e.info.CPUs, e.info.Memory }

// Close lets go of the connection. Boxes live on: close them first.
func (e *Engine) Close() error { return e.cli.Close() }
