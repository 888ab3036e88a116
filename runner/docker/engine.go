// Package docker runs the boxes of trials on a Docker engine, from 20.10 (API 1.40) on.
//
// It promises that a trial's box starts from an image that is already in the engine, that its output arrives whole and
// in order however much it is, that it is dead when its context is, and that nothing of it stays behind. What goes wrong
// with the engine is told apart from what goes wrong with the build: see [runner.ErrInfrastructure].
//
// A box may have a Docker engine of its own, of any version from 20.10 on that Debian has: see [runner.EngineSpec] and
// dockerd.go. That takes three capabilities more than a container usually has, never --privileged, but no seccomp and no
// AppArmor: it keeps trials apart, not a hostile build from the machine. Under control groups of
// version 1 it cannot run --privileged containers itself.
//
// Its limits: it never pulls, it starts no helpers of its own but what [Engine.Guard] is asked for (so containers of a killed
// process wait for [Engine.Sweep], or for who finds them by [Engine.Owned]), boxes are Linux containers whose image has a /bin/sh, and ssh:// endpoints are not dialled.
package docker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"buildbisect/runner"
)

// Labels that every box carries, beside those of its BoxSpec.
const (
	LabelOwner = "org.buildbisect"     // "1"
	LabelRun   = "org.buildbisect.run" // the run's name, given by the caller through BoxSpec.Labels; Sweep looks for it
	// LabelSession is given by the caller, too: the run's process. What another one left, or uses, is not ours to remove.
	LabelSession = "org.buildbisect.session"
	labelBox     = "org.buildbisect.box" // a random word: proves that a container is the one we asked for
)

// How long the engine may take for one call. A healthy one needs milliseconds; these are for a sick one.
const (
	pingDeadline  = 10 * time.Second
	callDeadline  = 30 * time.Second
	startDeadline = 2 * time.Minute
	copyDeadline  = 30 * time.Minute // large trees over a network
	killDeadline  = 10 * time.Second
	// removeDeadline is for a container with millions of files; see whileItAnswers.
	removeDeadline = 10 * time.Minute
)

// Engine is a connection to one Docker engine. Its methods may be called at the same time.
type Engine struct {
	// Labels go on every box, those that Check starts included; a BoxSpec's own win. Set before the engine is used, or nil.
	Labels map[string]string

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
	_ runner.Engine  = (*Engine)(nil)
	_ runner.Patient = (*Engine)(nil)
)

// Connect finds the engine as docker's own client does (DOCKER_HOST, else the current docker context, else the usual
// sockets) and asks it what it is. Where there is none the error is an [*UnavailableError].
func Connect(ctx context.Context) (*Engine, error) {
	endpoint, cli, err := find(ctx)
	if err != nil {
		return nil, err
	}
	info, err := ask(ctx, cli)
	if err != nil {
		cli.Close()
		return nil, &UnavailableError{Tried: []Attempt{{endpoint.origin, endpoint.host, err}}}
	}
	provider, err := newProvider(endpoint, cli)
	if err != nil {
		cli.Close()
		return nil, fmt.Errorf("docker engine %s: set up testcontainers: %w", endpoint.host, err)
	}
	return &Engine{
		cli: cli, provider: provider, info: info, socket: socketPath(endpoint.host, info),
		loading: make(chan struct{}, 1), ours: map[string]bool{},
	}, nil
}

// Close lets go of the connection. Boxes live on: close them first.
func (e *Engine) Close() error { return e.cli.Close() }
