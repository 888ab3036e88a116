package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/docker"
	"buildbisect/runner/enginetest"
	"buildbisect/runner/journal"
	"buildbisect/runner/lab"
	"buildbisect/runner/runnertest"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// soakTrials is how many trials a soak has at least, however little time it is given.
const soakTrials = 500

// soakWorld is a search whose answer is known: a script that reads its commit's number as $n.
type soakWorld struct {
	name     string
	commits  int
	axes     []scenarios.Axis
	script   string
	log      string // the signature; "": any failure
	earlier  string // a stage before
	flaky    bool
	want     []string // causes
	complete bool
}

func soakWorlds() []soakWorld {
	axes := []scenarios.Axis{variable("A", "1", "2", "3"), variable("B", "1", "2")}
	return []soakWorld{
		{
			name: "two causes", commits: 40, axes: axes, complete: true,
			script: "if test $n -ge 13 -a $B = 2 || test $n -ge 29 -a $A = 3; then echo error: broken; exit 3; fi",
			want:   []string{"commit c13, B=2", "commit c29, A=3"},
		},
		{
			name: "commits that cannot be built, and others that fail differently", commits: 30, complete: true,
			earlier: "if test $n -eq 14 -o $n -eq 15; then echo error: no configure; exit 1; fi",
			log:     "^unknown flag", script: "if test $n -ge 22; then echo unknown flag: --x; exit 125; elif test $n -eq 8; then echo lost; exit 1; fi",
			want: []string{"commit c22"},
		},
		{
			name: "a build that is said to be flaky", commits: 12, flaky: true,
			script: "if test $n -ge 7; then echo error: reset; exit 1; fi",
			want:   []string{"commit c7"},
		},
	}
}

// soaking is what is looked at between two runs, when nothing is at work.
type soaking struct{ heap, goroutines, descriptors float64 }

func look(t *testing.T) soaking {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return soaking{float64(m.HeapAlloc), float64(runtime.NumGoroutine()), float64(len(open))}
}

// mean of some looks.
func mean(looks []soaking) (m soaking) {
	n := float64(len(looks))
	for _, l := range looks {
		m.heap, m.goroutines, m.descriptors = m.heap+l.heap/n, m.goroutines+l.goroutines/n, m.descriptors+l.descriptors/n
	}
	return m
}

// TestSoak searches again and again, two trials at a time, on the real engine, which fails at random.
// BISECT_SOAK says for how long. Each time the answer is right, nothing is left in the engine, and what the
// process holds does not grow.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("BISECT_SOAK"))
	if err != nil {
		t.Skip("BISECT_SOAK=10m runs it for ten minutes")
	}
	engine, err := docker.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	image := enginetest.Busybox(t)
	defer func() {
		if _, err := engine.Remove(context.Background(), []backend.Resource{{Kind: backend.KindImage, Name: image.Name}}); err != nil {
			t.Error(err)
		}
	}()
	seed := uint64(time.Now().UnixNano())
	s := &soak{
		engine: &runnertest.Faulty{Backend: engine, Faults: runnertest.AllFaults(), Dice: rand.New(rand.NewPCG(seed, 0))}, image: image, root: t.TempDir(),
	}
	defer func() {
		boxes, faults := s.engine.Seen()
		t.Logf("seed %d: %d runs, %d trials, %d boxes, faults %v, %d warnings", seed, len(s.dirs), s.trials, boxes, faults, s.warnings.Load())
	}()
	var looks []soaking
	worlds := soakWorlds()
	for begin := time.Now(); time.Since(begin) < length || s.trials < soakTrials; {
		for _, w := range worlds { // all of them between two looks: they differ in what they take
			s.search(t, w)
		}
		looks = append(looks, look(t))
	}
	looks = looks[1:] // the first rounds fill pools and caches
	quarter := max(1, len(looks)/4)
	first, last := mean(looks[:quarter]), mean(looks[len(looks)-quarter:])
	for _, l := range []soaking{first, last} {
		t.Logf("heap %.2f MB, %.1f goroutines, %.1f descriptors", l.heap/1e6, l.goroutines, l.descriptors)
	}
	// A kilobyte lost in each trial would be more, or a descriptor in each hundredth.
	if last.heap-first.heap > 512<<10 || last.goroutines-first.goroutines > 4 || last.descriptors-first.descriptors > 4 {
		t.Errorf("it grows: at first %+v, at last %+v", first, last)
	}
	_, seen := s.engine.Seen()
	for _, f := range runnertest.AllFaults() {
		if seen[f] == 0 {
			t.Errorf("no box that %s", f)
		}
	}
	for i, dir := range s.dirs {
		s.again(t, worlds[i%len(worlds)], dir)
	}
}

type soak struct {
	engine   *runnertest.Faulty
	image    *images.Image
	root     string
	dirs     []string // of runs, in the order of worlds
	trials   int
	warnings atomic.Int32
}

// run sets a world's search up. Everything of it is garbage when it has ended, so that nothing is left to t's
// cleaning up.
func (s *soak) run(t *testing.T, w soakWorld, e backend.Backend, state *journal.State) *runner.Run {
	t.Helper()
	const read = "n=$(sed s/c// commit)\n"
	scenario := &scenarios.Scenario{
		Name: "soak", File: "soak.yaml", Axes: w.axes, Confirm: 2, Certify: scenarios.Certify{Probes: 40, Time: time.Hour}, Confidence: 0.99,
		Repeat: scenarios.Repeat{Max: 50, Given: w.flaky},
		Builder: scenarios.Builder{
			Workdir: "/src", Network: "none", Engine: scenarios.EngineNone,
			Resources: scenarios.Resources{Memory: 64 << 20, PIDs: 256, Disk: 1 << 30, Log: 1 << 20, Artifacts: 1 << 20},
		},
		Stages: []scenarios.Stage{
			{Name: "configure", Run: read + w.earlier, Timeout: time.Minute, OnTimeout: scenarios.CountSkip, OnOOM: scenarios.CountSkip},
			{Name: "build", Run: read + "seq 2000\n" + w.script, Timeout: time.Minute, OnTimeout: scenarios.CountSkip, OnOOM: scenarios.CountSkip},
		},
		Verdict: scenarios.Verdict{Stage: 1},
	}
	if w.log != "" {
		scenario.Verdict.Judge = scenarios.Signature{Log: regexp.MustCompile(w.log)}
	}
	space, err := space.NewSpace(lineOf(w.commits), w.axes)
	if err != nil {
		t.Fatal(err)
	}
	mark := "b" + filepath.Base(state.Dir)
	lab := &lab.Lab{
		Scenario: scenario, Space: space, Source: source{}, Backend: e, Images: oneImage{s.image}, Run: mark,
		Labels: map[string]string{backend.LabelRun: mark}, Warn: func(string) { s.warnings.Add(1) },
	}
	return &runner.Run{
		Lab: lab, State: state, Observer: quiet{}, Now: time.Now, Pause: 10 * time.Millisecond,
		Options: bisect.Options{
			Confirm: scenario.Confirm, CertifyProbes: scenario.Certify.Probes, Workers: 2, Confidence: scenario.Confidence, Repeat: scenario.Repeat.Max,
			Flaky: w.flaky,
		},
	}
}

// search searches once. It leaves the run's folder.
func (s *soak) search(t *testing.T, w soakWorld) {
	t.Helper()
	state, err := journal.NewState(s.root, fmt.Sprintf("soak%d-%d", os.Getpid(), len(s.dirs)))
	if err != nil {
		t.Fatal(err)
	}
	s.dirs = append(s.dirs, state.Dir)
	s.engine.Begin()
	r := s.run(t, w, s.engine, state)
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatalf("%s, %s: %v", w.name, state.Dir, err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	s.trials += len(rep.Trials)
	if got := changed(rep); rep.Outcome != string(bisect.Isolated) || !slices.Equal(got, w.want) || w.complete && !rep.Complete {
		t.Errorf("%s: %s %q, complete %v after %d trials, want %q", w.name, rep.Outcome, got, rep.Complete, len(rep.Trials), w.want)
	}
	reaper, ok := backend.As[backend.Reaper](s.engine)
	if !ok {
		t.Fatal("a wrapper lost an ability")
	}
	left, err := reaper.Owned(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, thing := range left {
		if thing.Labels[backend.LabelRun] == r.Lab.Run {
			t.Errorf("%s: %s is left", w.name, thing)
		}
	}
}

// changed are the causes of a report, as what changed in each.
func changed(r *report.Report) []string {
	var causes []string
	for _, c := range r.Causes {
		var changes []string
		for _, change := range c.Changes {
			changes = append(changes, report.Level(change.Axis, change.Bad))
		}
		causes = append(causes, strings.Join(changes, ", "))
	}
	slices.Sort(causes)
	return causes
}

// again goes on with a run that has ended: it builds nothing, and says the same.
func (s *soak) again(t *testing.T, w soakWorld, dir string) {
	t.Helper()
	before, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := journal.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	var after bytes.Buffer
	rep, err := s.run(t, w, &engine{build: nil}, state).Do(t.Context())
	if err == nil {
		err = rep.JSON(&after)
	}
	if err != nil || after.String() != string(before) {
		t.Errorf("%s: resumed, %s says %v\n%s\nwant\n%s", w.name, dir, err, after.String(), before)
	}
}

// oneImage serves every toolchain.
type oneImage struct{ image *images.Image }

func (oneImage) Identity(context.Context, catalogue.Spec) (string, error)       { return "one", nil }
func (o oneImage) Image(context.Context, catalogue.Spec) (*images.Image, error) { return o.image, nil }
func (oneImage) Prepare(context.Context, []catalogue.Spec) error                { return nil }
