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
	"time"

	"buildbisect/bisect"
	"buildbisect/scenarios"
)

// A Lab builds points of a scenario's space.
type Lab struct {
	Scenario *scenarios.Scenario
	Space    *Space
	Source   Source
	Engine   Engine
	Images   Images
	Run      string            // short and unique; names containers and what builds leave in an engine
	Labels   map[string]string // put on every container
	Warn     func(string)      // told what the user should know; never nil

	loaded map[string]string // image identity -> the engine's id for it
	strays map[string]bool   // images left behind that were warned of
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

// Prepare builds every base and tool that the space names, so that what cannot be had is known before the first trial.
func (l *Lab) Prepare(ctx context.Context) error {
	most := 0
	for _, a := range l.Space.axes {
		most = max(most, len(a.Levels))
	}
	for i := range max(most, 1) {
		p := l.Space.Good()
		for axis, a := range l.Space.axes {
			p[axis+1] = min(i, len(a.Levels)-1)
		}
		if _, err := l.Images.Image(ctx, l.Space.spec(l.Scenario.Builder, p)); err != nil {
			return err
		}
	}
	return nil
}

// image has the builder image of p composed, loaded and checked, once for each image.
func (l *Lab) image(ctx context.Context, p bisect.Point) (string, error) {
	spec := l.Space.spec(l.Scenario.Builder, p)
	identity, err := l.Images.Identity(spec)
	if err != nil {
		return "", err
	}
	if id, ok := l.loaded[identity]; ok {
		return id, nil
	}
	image, err := l.Images.Image(ctx, spec)
	if err != nil {
		return "", err
	}
	id, err := l.Engine.Load(ctx, image)
	if err != nil {
		return "", err
	}
	if err := l.Engine.Check(ctx, id, image.Checks); err != nil {
		return "", err
	}
	if l.loaded == nil {
		l.loaded = map[string]string{}
	}
	l.loaded[identity] = id
	return id, nil
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
		Socket: b.Engine == scenarios.EngineHost, CPUs: b.Resources.CPUs, Memory: b.Resources.Memory, PIDs: b.Resources.PIDs,
		Labels: labels,
	}
}

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

// stages runs the stages in order up to the deciding one, and judges.
func (l *Lab) stages(ctx context.Context, box Box, log io.Writer, trial *Trial) error {
	counted := &counter{w: log}
	for i, stage := range l.Scenario.Stages[:l.Scenario.Verdict.Stage+1] {
		deciding := i == l.Scenario.Verdict.Stage
		out := &output{log: counted}
		if deciding {
			out.pattern = l.Scenario.Verdict.Log
		}
		offset := counted.n
		end, err := l.stage(ctx, box, stage, out)
		trial.Stage, trial.Exit, trial.Took = stage.Name, end.exit.Code, trial.Took+end.took
		trial.Stages = append(trial.Stages, StageRun{stage.Name, end.exit.Code, end.took.Seconds(), offset})
		trial.Tail = append(trial.Tail, out.tail()...)
		trial.Tail = trial.Tail[max(0, len(trial.Tail)-tailLines):]
		if err != nil {
			return err
		}
		if deciding {
			trial.Lines = out.matches
			trial.Judgement, err = judgeDeciding(l.Scenario.Verdict, stage, end, out)
			return err
		}
		var goOn bool
		if trial.Judgement, goOn = judgeEarlier(stage, end, out); !goOn {
			return nil
		}
	}
	return nil
}

// errTimeout ends a stage that takes too long.
var errTimeout = errors.New("stage timeout")

func (l *Lab) stage(ctx context.Context, box Box, stage scenarios.Stage, out *output) (ending, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out.stop = cancel
	timer := time.AfterFunc(stage.Timeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	begin := time.Now()
	exit, err := box.Exec(bounded, stage.Run, out)
	end := ending{exit: exit, took: time.Since(begin)}
	out.endLine()
	switch {
	case out.err != nil:
		return end, fmt.Errorf("log of stage %s: %w; make room and run again", stage.Name, out.err)
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errTimeout):
		end.timeout = true
		return end, nil
	}
	return end, err
}

// sweep removes from a shared engine the images that carry the trial's marker, and warns once of others that appeared. What a
// build leaves behind takes nothing from its verdict.
func (l *Lab) sweep(ctx context.Context, id int) {
	janitor, ok := l.Engine.(Janitor)
	if !ok || l.Scenario.Builder.Engine != scenarios.EngineHost {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, others, err := janitor.RemoveTrialImages(ctx, l.Marker(id))
	if err != nil {
		l.Warn(fmt.Sprintf("trial %d: %v", id, err))
	}
	var fresh []string
	for _, o := range others {
		if !l.strays[o] {
			fresh = append(fresh, o)
		}
	}
	if len(fresh) > 0 {
		if l.strays == nil {
			l.strays = map[string]bool{}
		}
		for _, o := range fresh {
			l.strays[o] = true
		}
		l.Warn(fmt.Sprintf("images appeared in the engine during trial %d and stay: they do not name $BISECT_TRIAL, are in use, or are somebody else's: %s", id, strings.Join(fresh, " ")))
	}
}

// counter counts the bytes that pass.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
