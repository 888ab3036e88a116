package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
	"buildbisect/scenarios"
)

const (
	// mostFailures is how many in a row stop the run, of one trial, or of all workers together. The pauses
	// between them double, from a second on: all in all a minute.
	mostFailures = 7
	// awaitBackend is how long a back end that does not answer is waited for, before the run stops.
	awaitBackend = 2 * time.Minute
	// mostSuspicions is how many tries of a trial in a row convict its build of a failure that it is
	// suspected of.
	mostSuspicions = 3
)

// A Retrier tries trials again. All workers of a run use the same one.
type Retrier struct {
	Backend backend.Backend // asked how it is, and waited for, if it can be
	Pause   time.Duration   // before the second try; doubled each time
	Warn    func(string)

	breaker breaker
}

// Do calls build until it returns something else than [backend.ErrInfrastructure], with a pause between two
// calls that grows, and returns that. A build that is suspected of what befell its box three times in a row
// is a skip. Where the back end fails too often, or stays away, the last error is returned, with what the
// back end suffers from.
func (r *Retrier) Do(ctx context.Context, id int, build func() (lab.Trial, error)) (lab.Trial, error) {
	suspicions := 0
	for attempt := 1; ; attempt++ {
		begun, err := r.breaker.begin(ctx)
		if err != nil {
			return lab.Trial{}, err
		}
		t, err := build()
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
		r.Warn(fmt.Sprintf("trial %d: %v; trying again", id, err))
		gone, waited := r.recovers(ctx, r.Pause<<(attempt-1))
		switch {
		case waited != nil:
			return t, waited
		case gone:
			return t, fmt.Errorf("%w\nthe engine did not come back within %s%s", err, awaitBackend, r.diagnosis(ctx))
		}
	}
}

// recovers waits for a while, and then for the back end to answer. One that does not is gone.
func (r *Retrier) recovers(ctx context.Context, wait time.Duration) (gone bool, err error) {
	if err := pause(ctx, wait); err != nil {
		return false, err
	}
	health, ok := backend.As[backend.HealthChecker](r.Backend)
	if !ok {
		return false, nil
	}
	if text := health.Diagnose(ctx); text != "" {
		r.Warn(fmt.Sprintf("%s; waiting for it, up to %s", text, awaitBackend))
	}
	waiting, cancel := context.WithTimeout(ctx, awaitBackend)
	defer cancel()
	gone = health.Await(waiting) != nil
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return gone, nil
}

// diagnosis is what the back end is found to suffer from.
func (r *Retrier) diagnosis(ctx context.Context) string {
	if health, ok := backend.As[backend.HealthChecker](r.Backend); ok {
		if text := health.Diagnose(ctx); text != "" {
			return ": " + text
		}
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
