package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/runner/backend"
	"buildbisect/runner/journal"
	"buildbisect/scenarios"
)

// worlds are runs of every kind: each call sets up the same one anew.
func worlds() map[string]func(t *testing.T, count *atomic.Int32) *runner.Run {
	counted := func(count *atomic.Int32, b build) *engine {
		return &engine{build: func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			count.Add(1)
			return b(ctx, files, env, out)
		}}
	}
	return map[string]func(*testing.T, *atomic.Int32) *runner.Run{
		"two causes": func(t *testing.T, count *atomic.Int32) *runner.Run {
			b, s := twoCauses()
			return newRun(t, counted(count, b), lineOf(40), s)
		},
		"flaky": func(t *testing.T, count *atomic.Int32) *runner.Run {
			s := flaky()
			r := newRun(t, counted(count, sometimes(0.5, func(n int) bool { return n >= 7 })), lineOf(12), s)
			r.Options.Flaky, r.Options.Repeat, r.Options.Confidence = true, s.Repeat.Max, s.Confidence
			return r
		},
		"faults that pass": func(t *testing.T, count *atomic.Int32) *runner.Run {
			down := func(commit, trial int) bool {
				count.Add(1)
				return often(commit, trial)
			}
			return newRun(t, &engine{build: unreachable(down, failing(5, "x"))}, lineOf(12), fetching())
		},
		"no good commit": func(t *testing.T, count *atomic.Int32) *runner.Run {
			return newClimb(t, counted(count, failing(71, "x")), 100, &scenarios.Scenario{Axes: []scenarios.Axis{tool("docker", "1", "2")}})
		},
		"a budget": func(t *testing.T, count *atomic.Int32) *runner.Run {
			b, s := twoCauses()
			r := newRun(t, counted(count, b), lineOf(40), s)
			r.Options.MaxTrials = 12
			return r
		},
	}
}

// killedAt is a copy of a run's folder as it is when the process is killed while the journal has size bytes.
func killedAt(t *testing.T, r *runner.Run, dir string, size int) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(state, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(state, "journal.jsonl"), int64(size)); err != nil {
		t.Fatal(err)
	}
	open(t, r, state)
}

// open makes r go on with what is in a folder.
func open(t *testing.T, r *runner.Run, dir string) {
	t.Helper()
	state, err := journal.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.State = state
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
}

// timeless is a report's JSON without what differs from one time to the next.
func timeless(t testing.TB, r *report.Report) string {
	t.Helper()
	for _, c := range r.Causes {
		for i := range c.Reproduce { // the folder that was killed is a copy
			c.Reproduce[i] = strings.ReplaceAll(c.Reproduce[i], r.Run, "RUN")
		}
	}
	r.Run = ""
	for i := range r.Trials {
		r.Trials[i].Seconds, r.Trials[i].Wall = 0, 0
	}
	var out bytes.Buffer
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// killedAtEach reports whether a run is killed at every line of its journal, as make soak has it, or only at
// some.
func killedAtEach() bool { return os.Getenv("BISECT_KILLS") != "" }

func TestKilledAtAnyWriteARunGoesOnToTheSameReport(t *testing.T) {
	for name, world := range worlds() {
		t.Run(name, func(t *testing.T) {
			var builds atomic.Int32
			r := world(t, &builds)
			rep, err := r.Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want, dir, all := timeless(t, rep), r.State.Dir, builds.Load()
			text, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			kills, number := 0, 0
			for begin, line := range lines(text) {
				if number++; number%7 > 0 && !killedAtEach() { // 7, so that it is now a start, now an end
					continue
				}
				// Nothing of the line was written, or a part; of some, all but the line feed.
				sizes := []int{begin, begin + len(line)/2}
				if kills%7 == 0 {
					sizes = append(sizes, begin+len(line)-1)
				}
				for _, size := range sizes {
					whole := strings.Count(string(text[:size]), "\n")
					if whole == 0 {
						continue // nothing was begun
					}
					ended := int32(strings.Count(string(text[:size-len(unfinished(text[:size]))]), `"type":"end"`))
					builds.Store(0)
					r := world(t, &builds)
					killedAt(t, r, dir, size)
					rep, err := r.Do(t.Context())
					if err != nil {
						t.Fatalf("killed at byte %d: %v", size, err)
					}
					if got := timeless(t, rep); got != want {
						t.Fatalf("killed at byte %d:\n%s\nwant\n%s", size, got, want)
					}
					if builds.Load() != all-ended {
						t.Fatalf("killed at byte %d: %d of %d builds had ended, and %d were made after", size, ended, all, builds.Load())
					}
					kills++
				}
			}
			t.Logf("%d kills, %d builds", kills, all)
		})
	}
}

// lines gives the lines of a text, each with where it begins.
func lines(text []byte) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		at := 0
		for line := range bytes.Lines(text) {
			if !yield(at, line) {
				return
			}
			at += len(line)
		}
	}
}

// unfinished is what stands behind the last line feed.
func unfinished(text []byte) []byte { return text[bytes.LastIndexByte(text, '\n')+1:] }

func TestKilledWithSeveralWorkersARunFindsTheSame(t *testing.T) {
	b, s := twoCauses()
	world := func(t *testing.T) *runner.Run {
		return onThisClock(newRun(t, &engine{build: lasting(uneven, b)}, lineOf(40), s), 3)
	}
	undisturbed, dir, text := journaled(t, world)
	want, trials := claimed(undisturbed), len(undisturbed.Trials)
	if !bytes.Contains(text, []byte(`"type":"cancel"`)) {
		t.Error("no build was cancelled: that is not tested")
	}
	number := 0
	for begin := range lines(text) {
		if number++; begin == 0 || number%3 > 0 && !killedAtEach() {
			continue
		}
		rep := goneOn(t, world, dir, begin)
		if got := claimed(rep); got != want {
			t.Fatalf("killed at byte %d: %s\nwant %s", begin, got, want)
		}
		if len(rep.Trials) > 2*trials {
			t.Errorf("killed at byte %d: %d trials; undisturbed %d", begin, len(rep.Trials), trials)
		}
	}
}

func TestKilledWhenTheCertificatesTimeIsUpARunGoesOn(t *testing.T) {
	b, s := twoCauses()
	inFlight := 0
	for limit := time.Minute; ; limit += time.Minute {
		world := func(t *testing.T) *runner.Run {
			r := onThisClock(newRun(t, &engine{build: lasting(uneven, b)}, lineOf(40), s), 3)
			s.Certify.Time = limit
			return r
		}
		_, dir, text := journaled(t, world)
		certify := bytes.Index(text, []byte(`"type":"certify"`))
		if certify < 0 {
			break // it ends before
		}
		end := certify + bytes.IndexByte(text[certify:], '\n') + 1
		begun, ended := bytes.Count(text[:end], []byte(`"type":"start"`)), bytes.Count(text[:end], []byte(`"type":"end"`))+bytes.Count(text[:end], []byte(`"type":"cancel"`))
		if begun > ended && !bytes.Contains(text[end:], []byte(`"type":"start"`)) {
			inFlight++
		}
		if rep := goneOn(t, world, dir, end); len(rep.Causes) == 0 {
			t.Errorf("certify: {time: %s}: got %s", limit, claimed(rep))
		}
	}
	if inFlight == 0 {
		t.Error("it was never up while the last builds were in flight: that is not tested")
	}
}

// journaled is a run that nobody disturbs, with its folder and its journal.
func journaled(t *testing.T, world func(*testing.T) *runner.Run) (rep *report.Report, dir string, text []byte) {
	t.Helper()
	temp := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		state, err := journal.NewState(temp, "run")
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		r := world(t)
		r.State, dir = state, state.Dir
		if rep, err = r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	text, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return rep, dir, text
}

// goneOn is what becomes of a run that is killed while its journal has size bytes.
func goneOn(t *testing.T, world func(*testing.T) *runner.Run, dir string, size int) (rep *report.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := world(t)
		killedAt(t, r, dir, size)
		var err error
		if rep, err = r.Do(t.Context()); err != nil {
			t.Fatalf("killed at byte %d: %v", size, err)
		}
	})
	return rep
}

// claimed is what a report says was found.
func claimed(r *report.Report) string {
	var all []string
	for _, c := range r.Causes {
		all = append(all, c.Point.String())
	}
	return fmt.Sprint(r.Outcome, r.Complete, len(all), strings.Contains(strings.Join(all, ";"), "c13"), strings.Contains(strings.Join(all, ";"), "c29"))
}

func TestARunIsKilledAgainAndAgain(t *testing.T) {
	var builds atomic.Int32
	world := worlds()["two causes"]
	rep, err := world(t, &builds).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, all := timeless(t, rep), builds.Load()
	builds.Store(0)
	r := world(t, &builds)
	dir := r.State.Dir
	for stop := 3; ; stop += 3 {
		// The engine goes for good in the third build of each process, and the process with it.
		process := int32(0)
		e := r.Lab.Backend.(*engine)
		b := e.build
		e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			if process++; process > 3 {
				return backend.Exit{}, errEngine
			}
			return b(ctx, files, env, out)
		}
		rep, err := r.Do(t.Context())
		if err == nil {
			if got := timeless(t, rep); got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
			break
		}
		if !errors.Is(err, backend.ErrInfrastructure) || stop > 200 {
			t.Fatal(err)
		}
		if err := r.State.Close(); err != nil {
			t.Fatal(err)
		}
		r = world(t, &builds)
		open(t, r, dir)
	}
	if builds.Load() != all {
		t.Errorf("%d builds; undisturbed %d", builds.Load(), all)
	}
}

func TestABudgetThatIsRaisedGoesOnWhereTheRunEnded(t *testing.T) {
	var builds atomic.Int32
	rep, err := worlds()["two causes"](t, &builds).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, all := timeless(t, rep), builds.Load()
	builds.Store(0)
	short := worlds()["a budget"](t, &builds)
	if _, err := short.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := short.State.Close(); err != nil {
		t.Fatal(err)
	}
	r := worlds()["two causes"](t, &builds)
	open(t, r, short.State.Dir)
	if rep, err = r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := timeless(t, rep); got != want || builds.Load() != all {
		t.Errorf("%d builds, want %d:\n%s\nwant\n%s", builds.Load(), all, got, want)
	}
}

func TestADamagedJournalIsRefusedWithItsLine(t *testing.T) {
	var builds atomic.Int32
	r := worlds()["two causes"](t, &builds)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.State.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.State.Dir, "journal.jsonl")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.SplitAfter(sound, []byte("\n"))
	join := func(parts ...[][]byte) []byte {
		var all [][]byte
		for _, p := range parts {
			all = append(all, p...)
		}
		return bytes.Join(all, nil)
	}
	for name, c := range map[string]struct {
		text []byte
		line int
	}{
		"a verdict was changed": {bytes.Replace(sound, []byte(`"verdict":"bad"`), []byte(`"verdict":"good"`), 1), 3},
		"a line is missing":     {join(whole[:4], whole[5:]), 5},
		"two lines changed":     {join(whole[:4], whole[5:6], whole[4:5], whole[6:]), 5},
		"a line was added":      {join(whole[:4], whole[3:]), 5},
		"zeros":                 {join(whole[:6], [][]byte{make([]byte, 512), []byte("\n")}, whole[7:]), 7},
		"a run's line is gone":  {join(whole[1:]), 1},
	} {
		if err := os.WriteFile(path, c.text, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := journal.OpenState(r.State.Dir)
		var corrupt *journal.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Line != c.line {
			t.Errorf("%s: got %v; want an error in line %d", name, err, c.line)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.text) {
			t.Errorf("%s: the journal was changed (%v)", name, err)
		}
	}
}

func TestAJournalThatTheSearchDoesNotFitIsRefusedAndLeftAlone(t *testing.T) {
	var builds atomic.Int32
	r := worlds()["two causes"](t, &builds)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := r.State.Dir
	if err := r.State.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	b, s := twoCauses()
	s.Axes = s.Axes[:2] // another space
	other := newRun(t, &engine{build: b}, lineOf(40), s)
	open(t, other, dir)
	_, err = other.Do(t.Context())
	if err == nil || !strings.Contains(err.Error(), "does not ask what was asked then") {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "journal.jsonl")); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the journal was changed (%v)", err)
	}
}

func TestASecondWriterIsToldWhoTheFirstIs(t *testing.T) {
	var builds atomic.Int32
	r := worlds()["two causes"](t, &builds)
	_, err := journal.OpenState(r.State.Dir)
	if err == nil {
		_, err = r.Do(t.Context())
		t.Fatalf("no error; %v", err)
	}
	if _, err = r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = journal.OpenState(r.State.Dir)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process id %d", os.Getpid())) {
		t.Errorf("got %v", err)
	}
}
