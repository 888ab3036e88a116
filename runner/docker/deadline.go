package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildbisect/runner"
)

// within bounds one call. What has no answer by then says so instead of a bare "deadline exceeded".
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no answer from the docker engine within %s", d))
}

// afterwards gives clean-up a deadline of its own: it must work when ctx has ended.
func afterwards(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return within(context.WithoutCancel(ctx), d)
}

// mishap is an error of the engine or the machine that reads as its cause alone.
type mishap struct{ cause error }

func (m *mishap) Error() string   { return m.cause.Error() }
func (m *mishap) Unwrap() []error { return []error{runner.ErrInfrastructure, m.cause} }

func mishapf(format string, args ...any) error { return &mishap{fmt.Errorf(format, args...)} }

// unfit is an error of one image alone: another level of the axis that chose it may well be testable.
type unfit struct{ error }

var _ runner.Untestable = (*unfit)(nil)

func (u *unfit) Untestable()   {}
func (u *unfit) Unwrap() error { return u.error }

// failed says why an operation under call, a child of ctx, ended with err. The caller's own end comes back as its cause:
// whoever cancelled knows why, and it is no fault of the engine.
func failed(ctx, call context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if call.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = context.Cause(call)
	}
	return mishapf("%s: %w", what, err)
}
