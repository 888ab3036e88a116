package runner_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
	"buildbisect/scenarios"
)

// sick is an engine that says what is wrong with it, and comes back when it is waited for.
type sick struct {
	*engine
	mu      sync.Mutex
	says    string
	awaited int
	stays   bool // away
	back    func()
}

func (s *sick) Diagnose(context.Context) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.says
}

func (s *sick) Await(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaited++
	if s.stays {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.back != nil {
		s.back()
	}
	return nil
}

func TestAnEngineThatDoesNotComeBackStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &sick{engine: &engine{build: func(context.Context, map[string]string, []string, io.Writer) (backend.Exit, error) {
			return backend.Exit{}, errEngine
		}}, says: "the engine does not answer", stays: true}
		r := newRun(t, e.engine, lineOf(6), &scenarios.Scenario{})
		r.Lab.Backend = e
		begin := time.Now()
		_, err := r.Do(t.Context())
		if !errors.Is(err, backend.ErrInfrastructure) || time.Since(begin) != 2*time.Minute {
			t.Fatalf("after %s: %v", time.Since(begin), err)
		}
		contains(t, err.Error(), "the engine did not come back within 2m0s: the engine does not answer")
	})
}

func TestAnEngineThatComesBackIsWaitedFor(t *testing.T) {
	gone := false
	var builds int
	e := &sick{engine: &engine{}, says: "the engine does not answer"}
	e.back = func() { gone = false }
	e.build = func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
		if builds++; builds == 4 {
			gone = true
		}
		if gone {
			return backend.Exit{Code: 1}, errEngine
		}
		return failing(4, "x")(ctx, files, env, out)
	}
	r := newRun(t, e.engine, lineOf(6), &scenarios.Scenario{Confirm: 1})
	r.Lab.Backend = e
	var warned []string
	r.Lab.Warn = func(text string) { warned = append(warned, text) }
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if *rep.Causes[0].Changes[0].Bad != "c4" || e.awaited != 1 {
		t.Errorf("waited %d times, blamed %+v", e.awaited, rep.Causes[0].Changes)
	}
	contains(t, strings.Join(warned, "\n"), "the engine does not answer; waiting for it, up to 2m")
}

func TestAnEngineThatFailsAgainAndAgainStopsTheRunAndIsDiagnosed(t *testing.T) {
	e := &sick{engine: &engine{build: func(context.Context, map[string]string, []string, io.Writer) (backend.Exit, error) {
		return backend.Exit{}, errEngine
	}}, says: "its disk is full"}
	r := newRun(t, e.engine, lineOf(6), &scenarios.Scenario{})
	r.Lab.Backend = e
	_, err := r.Do(t.Context())
	if !errors.Is(err, backend.ErrInfrastructure) {
		t.Fatalf("got %v", err)
	}
	contains(t, err.Error(), "the engine failed 7 times in a row: its disk is full")
	if got := strings.Join(recordTypes(t, r.State.Dir), " "); got != "run start stop" {
		t.Errorf("journal: %s", got)
	}
}

// One outage fails all workers at once; that is one failure, not as many as there are workers.
func TestAnOutageCountsOnceForAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := twoCauses()
		var outages []time.Time
		for i := range 3 {
			outages = append(outages, time.Now().Add(time.Duration(i)*4*time.Minute+50*time.Second))
		}
		e := &engine{build: func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			begin := time.Now()
			exit, err := lasting(uneven, b)(ctx, files, env, out)
			for _, at := range outages {
				if begin.Before(at) && time.Now().After(at) {
					return backend.Exit{}, errEngine
				}
			}
			return exit, err
		}}
		rep, err := onThisClock(newRun(t, e, lineOf(40), s), 6).Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Causes) != 2 || !rep.Complete {
			t.Errorf("%s", rep.Summary)
		}
	})
}

// What befalls one box may be its build's own deed: that is found out by trying again, and stops nothing.
func TestABuildThatIsConvictedOfWhatBefallsItsBoxIsASkip(t *testing.T) {
	for _, tries := range []int{2, 9} {
		synctest.Test(t, func(t *testing.T) {
			b, s := twoCauses()
			left := tries
			e := &engine{build: lasting(uneven, func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
				if commitNumber(files) == 40 && has(env, "A=1") && left > 0 {
					left--
					return backend.Exit{}, &backend.Suspected{Err: errors.New("its folder is gone")}
				}
				return b(ctx, files, env, out)
			})}
			rep, err := onThisClock(newRun(t, e, lineOf(40), s), 1).Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			skips := 0
			for _, trial := range rep.Trials {
				if strings.HasPrefix(trial.Reason, "3 times in a row: its folder is gone") {
					skips++
				}
			}
			if convicted := left < tries-2; convicted != (skips > 0) {
				t.Errorf("%d of %d times the folder was gone: %d skips", tries-left, tries, skips)
			}
		})
	}
}

func TestATrialThatTheEngineAlwaysFailsStopsTheRunThoughOthersWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := twoCauses()
		e := &engine{build: lasting(uneven, func(ctx context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			if commitNumber(files) == 13 {
				return backend.Exit{}, errEngine
			}
			return b(ctx, files, env, out)
		})}
		_, err := onThisClock(newRun(t, e, lineOf(40), s), 4).Do(t.Context())
		if !errors.Is(err, backend.ErrInfrastructure) {
			t.Fatalf("got %v", err)
		}
		contains(t, err.Error(), "commit c13")
	})
}

// A wrapper that makes boxes fail at random changes no answer, and hides no ability of the engine below it.
func TestBoxesThatFailAtRandomChangeNoAnswer(t *testing.T) {
	faults := slices.DeleteFunc(runnertest.AllFaults(), func(f runnertest.Fault) bool { return f == runnertest.ClosedUnder })
	seen := map[runnertest.Fault]bool{}
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			b, s := twoCauses()
			e := &sick{engine: &engine{build: lasting(uneven, b)}}
			r := onThisClock(newRun(t, e.engine, lineOf(40), s), 3)
			faulty := &runnertest.Faulty{Backend: e, Faults: faults, Dice: rand.New(rand.NewPCG(seed, 0))}
			r.Lab.Backend = faulty
			rep, err := r.Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.Causes) != 2 || !rep.Complete {
				t.Errorf("seed %d: %s", seed, rep.Summary)
			}
			_, failed := faulty.Seen()
			for f := range failed {
				seen[f] = true
			}
			delete(failed, runnertest.SlowClose) // is no failure
			if len(failed) > 0 && e.awaited == 0 {
				t.Errorf("seed %d: boxes failed, and the engine below the wrapper was not waited for", seed)
			}
		})
	}
	if len(seen) != len(faults) {
		t.Errorf("only these faults occurred: %v", seen)
	}
}
