package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
	"buildbisect/runner/docker/endpoint"
)

const (
	// diagnoseDeadline is for three questions and a box of a moment, which take half a second.
	diagnoseDeadline = 5 * time.Second
	awaitPulse       = 500 * time.Millisecond // at first
	awaitPulseMost   = 2 * time.Second
)

// Diagnose says what is wrong with the engine now, "" when all looks well. It asks whether it answers, and
// has it run a box of one of the images that Load sent, which is all that a trial needs of it, and tells how
// much room there is.
func (e *Engine) Diagnose(ctx context.Context) string {
	caller := ctx
	ctx, cancel := context.WithTimeout(caller, diagnoseDeadline)
	defer cancel()
	err := e.answers(ctx)
	if caller.Err() != nil {
		return "" // who is in a hurry learns nothing
	}
	if err != nil {
		return fmt.Sprintf("the docker engine at %s does not answer: %s", e.info.Host, endpoint.Attempt{Err: err}.Cause())
	}
	image, err := e.anyOfOurs(ctx)
	if err == nil && image == "" {
		return ""
	}
	said := make(chan string, 1)
	go func() { // a start is not broken off
		if err == nil {
			err = e.tryOut(ctx, image)
		}
		switch {
		case err == nil:
			said <- ""
		case strings.Contains(err.Error(), backend.NoSpace):
			said <- "the docker engine starts not even an empty box: " + makeRoom
		default:
			said <- "the docker engine answers, but: " + err.Error()
		}
	}()
	select {
	case words := <-said:
		return words
	case <-ctx.Done():
		if caller.Err() != nil {
			return ""
		}
		return fmt.Sprintf("the docker engine at %s answers, but runs no box within %s: see its log, and whether its disk is busy or full", e.info.Host, diagnoseDeadline)
	}
}

// answers asks for a sign of life.
func (e *Engine) answers(ctx context.Context) error {
	call, cancel := within(ctx, min(diagnoseDeadline, endpoint.PingDeadline))
	defer cancel()
	if err := endpoint.Knock(call, e.info.Host); err != nil {
		return err
	}
	_, err := e.cli.Ping(call, client.PingOptions{})
	if err != nil && call.Err() != nil {
		return errors.New("it takes the question and says nothing; it may wait for its disk, or for memory")
	}
	return err
}

// anyOfOurs gives the id of an image that Load sent and that is still there; "" if it has sent none.
func (e *Engine) anyOfOurs(ctx context.Context) (string, error) {
	e.mu.Lock()
	ids := slices.Sorted(maps.Keys(e.ours))
	e.mu.Unlock()
	for _, id := range ids {
		_, err := e.cli.ImageInspect(ctx, id)
		if err == nil {
			return id, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", err
		}
	}
	if len(ids) > 0 {
		return "", fmt.Errorf("it has none of the %d images any more that were sent to it: something there removes them, such as a cron job with `docker image prune`", len(ids))
	}
	return "", nil
}

// tryOut runs a box of image for a moment and looks at its disk. The error is what went wrong, or what soon
// will.
func (e *Engine) tryOut(ctx context.Context, image string) error {
	box, err := e.Start(ctx, backend.BoxSpec{Image: image, Network: "none", PIDs: 64})
	if untestable := backend.Untestable(nil); errors.As(err, &untestable) {
		return nil // the image's fault
	}
	if err != nil {
		return err
	}
	var printed strings.Builder
	_, err = box.Exec(ctx, "df -P -k / || :; df -P -i / || :", &printed)
	if err = errors.Join(err, box.Close()); err != nil {
		return err
	}
	var disk rooms
	for line := range strings.Lines(printed.String()) {
		disk.read(strings.Fields(line))
	}
	if short := disk.shortage(true); short != "" {
		return fmt.Errorf("its disk is full, or nearly so: the file system of its containers, %s; make room there (`docker system df` says what takes it)", short)
	}
	return nil
}

// Await returns when the engine answers, at once when it does already; when ctx ends before that, with its
// cause and what the engine says.
func (e *Engine) Await(ctx context.Context) error {
	for pause := awaitPulse; ; pause = min(pause*3/2, awaitPulseMost) {
		err := e.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the docker engine at %s: %w; it does not answer: %s", e.info.Host, context.Cause(ctx), endpoint.Attempt{Err: err}.Cause())
		case <-time.After(pause):
		}
	}
}
