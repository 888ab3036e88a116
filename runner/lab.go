package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"buildbisect/bisect"
	"buildbisect/scenarios"
)

// A Lab builds points of a scenario's space, several at a time where it is asked to.
type Lab struct {
	Scenario *scenarios.Scenario
	Space    *Space
	Source   Source
	Engine   Engine
	Images   Images
	Run      string            // short and unique; names containers and what builds leave in an engine
	Labels   map[string]string // put on every container
	Warn     func(string)      // told what the user should know, perhaps by several at a time; never nil
	Memory   int64             // bytes for a box where the scenario does not say; 0: no limit

	mu     sync.Mutex         // guards the maps
	loaded map[string]*loaded // by image identity
	strays map[string]bool    // images left behind that were warned of
}

// Trial is one build and what it said.
type Trial struct {
	Judgement
	Stage  string        // the last one that ran
	Exit   int           // its status
	Took   time.Duration // the stages alone
	Wall   time.Duration // with everything around them
	Image  string        // the engine's id
	Tree   string
	Lines  []string // that matched the signature
	Tail   []string // the last lines of the log
	Stages []StageRun
}

// StageRun is one stage of a trial. Offset is where its output starts in the trial's log, in bytes.
type StageRun struct {
	Name    string  `json:"name"`
	Exit    int     `json:"exit"`
	Seconds float64 `json:"seconds"`
	Offset  int64   `json:"offset"`
}

// Marker is the value of BISECT_TRIAL in a trial: whatever a build leaves in a shared engine should carry it in its name.
func (l *Lab) Marker(id int) string { return fmt.Sprintf("%s-%d", l.Run, id) }

// Identity tells what a build at p is made of; equal identities need no second build. An empty tree id (the source cannot
// say) makes the point its own identity.
func (l *Lab) Identity(ctx context.Context, p bisect.Point) string {
	commit := l.Space.History.Commits[p[0]].ID
	tree, err := l.Source.Tree(ctx, commit)
	if err != nil {
		tree = commit
	}
	image, err := l.Images.Identity(l.Space.spec(l.Scenario.Builder, p))
	if err != nil {
		image = fmt.Sprint(p[1:])
	}
	return strings.Join(append(l.Space.env(l.Scenario.Builder, p), tree, image), "\x00")
}

// Exists reports whether the scenario lets p exist: see its `require`.
func (l *Lab) Exists(p bisect.Point) bool {
	_, excluded := l.Scenario.Excluded(l.Space.Levels(p))
	return !excluded
}

// Try builds point p in a fresh box. Everything the stages print goes to log. An error says nothing of the build; where it
// wraps [ErrInfrastructure] another try may succeed.
func (l *Lab) Try(ctx context.Context, id int, p bisect.Point, log io.Writer) (trial Trial, err error) {
	begin := time.Now()
	defer func() { trial.Wall = time.Since(begin) }()
	commit := l.Space.History.Commits[p[0]].ID
	if trial.Tree, err = l.Source.Tree(ctx, commit); err != nil {
		return trial, err
	}
	if trial.Image, err = l.image(ctx, p); err != nil {
		return trial, err
	}
	box, err := l.Engine.Start(ctx, l.boxSpec(id, p, trial.Image))
	if err != nil {
		return trial, err
	}
	defer func() {
		err = errors.Join(err, box.Close())
		l.sweep(ctx, id)
	}()
	if err := l.put(ctx, box, commit); err != nil {
		// Another commit may well be testable.
		if u := Untestable(nil); errors.As(err, &u) {
			trial.Judgement = skip("%s", u.Error())
			return trial, nil
		}
		return trial, err
	}
	err = l.stages(ctx, box, log, &trial)
	return trial, err
}

func (l *Lab) boxSpec(id int, p bisect.Point, image string) BoxSpec {
	b := l.Scenario.Builder
	env := append(l.Space.env(b, p), "BISECT_TRIAL="+l.Marker(id))
	if l.Scenario.Source.Git {
		// The tree belongs to root whatever the build's user is; git must not refuse it.
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	}
	labels := maps.Clone(l.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["org.buildbisect.trial"] = fmt.Sprint(id)
	return BoxSpec{
		Image: image, Name: "bisect-" + l.Marker(id), Env: env, Workdir: b.Workdir, Network: b.Network,
		Socket: b.Engine == scenarios.EngineHost, CPUs: b.Resources.CPUs, Memory: l.memory(), PIDs: b.Resources.PIDs,
		Labels: labels,
	}
}

func (l *Lab) memory() int64 { return cmp.Or(l.Scenario.Builder.Resources.Memory, l.Memory) }

// put streams the commit's tree into the box, without ever holding it.
func (l *Lab) put(ctx context.Context, box Box, commit string) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := l.Source.WriteTar(ctx, commit, w)
		w.CloseWithError(err)
		written <- err
	}()
	err := box.Put(ctx, l.Scenario.Builder.Workdir, r)
	r.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
	sourceErr := <-written
	if sourceErr != nil && !errors.Is(sourceErr, io.ErrClosedPipe) && (err == nil || !errors.Is(sourceErr, err)) {
		return sourceErr
	}
	return err
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
