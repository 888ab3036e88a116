package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// within bounds one call. What has no answer by then says so instead of a bare "deadline exceeded".
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no answer from the docker engine within %s", d))
}

// afterwards gives clean-up a deadline of its own: it must work when ctx has ended.
func afterwards(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return within(context.WithoutCancel(ctx), d)
}

const (
	// knockDeadline is how long an engine may take for a sign of life while it has something to do for us.
	// That takes neither its disk nor its locks.
	knockDeadline = 2 * time.Second
	knockPulse    = 2 * time.Second
)

// errDeaf is the cause of a context that ended because the engine gave no sign of life.
var errDeaf = errors.New("no answer from the docker engine")

// whileItAnswers bounds what may take an engine long: by d, and by the engine's signs of life. Two that do
// not come end it; or one, where the engine is not trusted, because it did not answer a moment ago.
func (e *Engine) whileItAnswers(ctx context.Context, d time.Duration, trusted bool) (context.Context, context.CancelFunc) {
	ctx, cancel := within(ctx, d)
	ctx, giveUp := context.WithCancelCause(ctx)
	go func() {
		for missed := 0; ; {
			pause := knockPulse
			call, done := context.WithTimeout(ctx, knockDeadline)
			_, err := e.cli.Ping(call, client.PingOptions{})
			done()
			if missed++; err == nil {
				missed = 0
			} else if errors.Is(err, context.DeadlineExceeded) {
				pause = 0 // it has had its time
			}
			if missed > 1 || missed > 0 && !trusted {
				giveUp(errDeaf)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}()
	return ctx, cancel
}

// failed says why an operation under call, a child of ctx, ended with err. The caller's own end comes back as
// its cause: whoever cancelled knows why, and it is no fault of the engine.
func failed(ctx, call context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if call.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = context.Cause(call)
	}
	if strings.Contains(err.Error(), backend.NoSpace) {
		return backend.Infrastructuref("%s: %w: %s", what, err, makeRoom)
	}
	return backend.Infrastructuref("%s: %w", what, err)
}

// makeRoom is the next step where the engine's disk is full.
const makeRoom = "the disk of the docker engine is full: make room there (`docker system df` says what takes it), then go on"
