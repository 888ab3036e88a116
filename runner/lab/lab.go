package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"buildbisect/bisect"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
	"buildbisect/runner/redact"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// A Lab builds points of a scenario's space, several at a time where it is asked to.
type Lab struct {
	Scenario *scenarios.Scenario
	Space    *space.Space
	Source   Source
	Backend  backend.Backend
	Images   Images
	Run      string            // short and unique; names containers and what builds leave in an engine
	Labels   map[string]string // put on every container
	Warn     func(string)      // told what the user should know, perhaps by several at a time; never nil
	CPUs     float64           // for a box where the scenario does not say; 0: no limit
	Memory   int64             // bytes, likewise
	Secrets  *redact.Secrets   // given to builds, and hidden in what they say; nil: none

	// Visit is called in the box of a trial, with the lines of shell that go before each stage; nil: nobody
	// comes. First says that it comes before the stages, and in their place.
	Visit func(ctx context.Context, box backend.Box, prelude string, trial *Trial) error
	First bool

	// Artifacts is the folder for those of a trial, which need not exist; nil: none are kept.
	Artifacts func(id int) string

	mu     sync.Mutex         // guards the maps
	loaded map[string]*loaded // by image identity
	strays map[string]bool    // images left behind that were warned of
	common common
}

// Marker is the value of BISECT_TRIAL in a trial: whatever a build leaves in a shared engine should carry it
// in its name.
func (l *Lab) Marker(id int) string { return fmt.Sprintf("%s-%d", l.Run, id) }

// Identity tells what a build at p is made of; equal identities need no second build. A commit whose files
// cannot be had is its own identity.
func (l *Lab) Identity(ctx context.Context, p bisect.Point) (string, error) {
	commit := l.Space.History.Commits[p[0]].ID
	tree, err := l.Source.Tree(ctx, commit)
	if u := backend.Untestable(nil); errors.As(err, &u) {
		tree, err = commit, nil
	}
	if err != nil {
		return "", err
	}
	world := l.Space.World(l.Scenario.Builder, p)
	image, err := l.Images.Identity(ctx, world.Spec)
	if err != nil {
		return "", err
	}
	engine := ""
	if world.Dockerd != nil {
		if engine, err = l.Images.Identity(ctx, catalogue.Spec{Base: world.Dockerd.Base}); err != nil {
			return "", err
		}
	}
	return strings.Join(append(world.Env, world.Prelude, tree, image, engine), "\x00"), nil
}

// Exists reports whether the scenario lets p exist: see its `require`.
func (l *Lab) Exists(p bisect.Point) bool {
	_, excluded := l.Scenario.Excluded(l.Space.Levels(p))
	return !excluded
}

// Try builds point p in a fresh box. Everything the stages print goes to log. An error says nothing of the
// build; where it wraps [backend.ErrInfrastructure] another try may succeed.
func (l *Lab) Try(ctx context.Context, id int, p bisect.Point, log io.Writer) (trial Trial, err error) {
	begin := time.Now()
	err = l.try(ctx, id, p, log, &trial)
	// Another point may well be testable.
	if u := backend.Untestable(nil); errors.As(err, &u) && !errors.Is(err, backend.ErrInfrastructure) {
		trial.Judgement, err = scenarios.Skip("%s", u.Error()), nil
	}
	if errors.Is(err, backend.ErrInfrastructure) {
		l.forget() // somebody may have removed an image
	}
	trial.redact(l.Secrets)
	err = l.Secrets.Error(err)
	trial.Wall = time.Since(begin)
	return trial, err
}

func (l *Lab) try(ctx context.Context, id int, p bisect.Point, log io.Writer, trial *Trial) (err error) {
	commit := l.Space.History.Commits[p[0]].ID
	if trial.Tree, err = l.Source.Tree(ctx, commit); err != nil {
		return err
	}
	world := l.Space.World(l.Scenario.Builder, p)
	if trial.Image, err = l.image(ctx, world.Spec); err != nil {
		return err
	}
	spec, err := l.boxSpec(ctx, id, world, trial.Image)
	if err != nil {
		return err
	}
	borrowed, err := l.share(ctx, spec)
	if err != nil {
		return err
	}
	spec.Shared = borrowed.at
	box, err := l.Backend.Start(ctx, spec)
	if err != nil {
		return err
	}
	defer func() {
		if closed := box.Close(); closed != nil {
			// What is left takes nothing from a verdict; the end of the run, or gc, removes it.
			l.Warn(fmt.Sprintf("trial %d: %v", id, closed))
		}
		l.sweep(ctx, id)
	}()
	if err := l.put(ctx, box, commit, borrowed); err != nil {
		return err
	}
	if err := lacks(ctx, box, world); err != nil {
		return err
	}
	if l.First {
		return l.Visit(ctx, box, world.Prelude, trial)
	}
	counted := &counter{w: log, limit: l.Scenario.Builder.Resources.Log}
	if err := l.stages(ctx, box, counted, world.Prelude, trial); err != nil {
		return err
	}
	if l.Visit != nil {
		if err := l.Visit(ctx, box, world.Prelude, trial); err != nil {
			return err
		}
	}
	return l.keep(ctx, box, id, counted)
}

func (l *Lab) boxSpec(ctx context.Context, id int, world scenarios.World, image string) (backend.BoxSpec, error) {
	b := l.Scenario.Builder
	env := append(world.Env, "BISECT_TRIAL="+l.Marker(id))
	if l.Scenario.Source.Git {
		// The tree belongs to root whatever the build's user is; git must not refuse it.
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	}
	labels := maps.Clone(l.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["org.buildbisect.trial"] = fmt.Sprint(id)
	spec := backend.BoxSpec{
		Image: image, Name: "bisect-" + l.Marker(id), Env: env, Secrets: l.Secrets.Env(), Workdir: b.Workdir, Network: b.Network,
		Socket: b.Engine == scenarios.EngineHost, CPUs: cmp.Or(b.Resources.CPUs, l.CPUs), Memory: cmp.Or(b.Resources.Memory, l.Memory), PIDs: b.Resources.PIDs,
		Disk: b.Resources.Disk, Capabilities: b.Capabilities, Labels: labels,
	}
	if engine := world.Dockerd; engine != nil {
		image, err := l.image(ctx, catalogue.Spec{Base: engine.Base})
		if err != nil {
			return spec, fmt.Errorf("engine %s: %w", engine.Text, err)
		}
		spec.Dockerd = &backend.DockerdSpec{Image: image, Version: engine.Text}
	}
	return spec, nil
}

// put streams the commit's tree into the box, without ever holding it.
func (l *Lab) put(ctx context.Context, box backend.Box, commit string, b borrowed) error {
	return backend.Stream(
		func(w io.Writer) error {
			if b.key == "" {
				return l.Source.WriteTar(ctx, commit, w)
			}
			return l.Source.(Borrower).WriteTarWith(ctx, commit, b.key, b.at, w)
		},
		func(r io.Reader) error { return box.Put(ctx, l.Scenario.Builder.Workdir, r) })
}
