package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
	"buildbisect/scenarios"
)

// Infrastructure failures. One that passes must not end a night's run, and one that stays must not be tried
// all night.
const (
	// mostFailures is how many in a row stop the run, of one trial, or of all workers together. The pauses
	// between them double, from a second on: all in all a minute.
	mostFailures = 7
	// awaitEngine is how long an engine that does not answer is waited for, before the run stops.
	awaitEngine = 2 * time.Minute
	// mostSuspicions is how many tries of a trial in a row convict its build of a failure that it is
	// suspected of.
	mostSuspicions = 3
)

// breaker counts failures of the engine in a row, over all workers. Failures of trials that were at work when
// another failed are of the same outage, and count as one; and all wait for the same moment to try again. So
// it takes as long with many workers as with one.
type breaker struct {
	mu     sync.Mutex
	epoch  int // rises with each failure that counts
	failed int // in a row
	until  time.Time
}

// begin is called before a trial is tried. It waits while an outage is waited out, and names the one after
// which the trial begins.
func (b *breaker) begin(ctx context.Context) (int, error) {
	for {
		b.mu.Lock()
		wait, epoch := time.Until(b.until), b.epoch
		b.mu.Unlock()
		if wait <= 0 {
			return epoch, nil
		}
		if err := pause(ctx, wait); err != nil {
			return 0, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (b *breaker) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
}

// fail reports whether there is to be no other try. attempt counts those of the trial.
func (b *breaker) fail(begun, attempt int, pause time.Duration) (open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begun == b.epoch {
		b.until = time.Now().Add(pause << b.failed)
		b.epoch++
		b.failed++
	}
	return b.failed >= mostFailures || attempt >= mostFailures
}

// try builds, and tries again what the engine failed, after a pause that grows; that is never a verdict.
func (r *Run) try(ctx context.Context, id int, p bisect.Point) (lab.Trial, error) {
	suspicions := 0
	for attempt := 1; ; attempt++ {
		begun, err := r.breaker.begin(ctx)
		if err != nil {
			return lab.Trial{}, err
		}
		t, err := r.tryOnce(ctx, id, p)
		switch {
		case err == nil:
			r.breaker.worked()
			return t, nil
		case ctx.Err() != nil:
			return t, context.Cause(ctx)
		case !errors.Is(err, backend.ErrInfrastructure):
			return t, err
		}
		if suspected := (*backend.Suspected)(nil); errors.As(err, &suspected) {
			suspicions++
		} else {
			suspicions = 0
		}
		if suspicions == mostSuspicions {
			r.breaker.worked()
			t.Judgement = scenarios.Skip("%d times in a row: %v", suspicions, err)
			return t, nil
		}
		if r.breaker.fail(begun, attempt, r.Pause) {
			return t, fmt.Errorf("%w\nthe engine failed %d times in a row%s", err, mostFailures, r.diagnosis(ctx))
		}
		r.Lab.Warn(fmt.Sprintf("trial %d: %v; trying again", id, err))
		gone, waited := r.recovers(ctx, r.Pause<<(attempt-1))
		switch {
		case waited != nil:
			return t, waited
		case gone:
			return t, fmt.Errorf("%w\nthe engine did not come back within %s%s", err, awaitEngine, r.diagnosis(ctx))
		}
	}
}

func (r *Run) tryOnce(ctx context.Context, id int, p bisect.Point) (lab.Trial, error) {
	log, err := r.State.CreateLog(id)
	if err != nil {
		return lab.Trial{}, err
	}
	t, err := r.Lab.Try(ctx, id, p, log)
	if err == nil {
		err = log.Sync()
	}
	return t, errors.Join(err, log.Close())
}

// recovers waits for a while, and then for the engine to answer. An engine that does not is gone.
func (r *Run) recovers(ctx context.Context, wait time.Duration) (gone bool, err error) {
	if err := pause(ctx, wait); err != nil {
		return false, err
	}
	engine, ok := r.Lab.Backend.(backend.HealthChecker)
	if !ok {
		return false, nil
	}
	if text := engine.Diagnose(ctx); text != "" {
		r.Lab.Warn(fmt.Sprintf("%s; waiting for it, up to %s", text, awaitEngine))
	}
	waiting, cancel := context.WithTimeout(ctx, awaitEngine)
	defer cancel()
	gone = engine.Await(waiting) != nil
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return gone, nil
}

// diagnosis is what the engine is found to suffer from.
func (r *Run) diagnosis(ctx context.Context) string {
	if engine, ok := r.Lab.Backend.(backend.HealthChecker); ok {
		if text := engine.Diagnose(ctx); text != "" {
			return ": " + text
		}
	}
	return ""
}
