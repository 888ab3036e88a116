package docker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// examine looks after the engine when a script has ended. Its death can explain any failure of the script,
// and is never the build's; want of memory in it is the trial's, and told once.
func (b *box) examine(ctx context.Context, what string, exit backend.Exit) (backend.Exit, error) {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause *= 2 {
		// The script can see the engine die before Docker does.
		sure := b.dockerdAnswers(call) || pause > time.Second
		state, err := b.engine.state(call, b.dockerd.GetContainerID())
		switch {
		case err != nil:
			return backend.Exit{}, failed(ctx, call, what+": look after its docker engine", err)
		case state.OOMKilled && !state.Running:
			return backend.Exit{Code: exit.Code, OOM: true}, nil
		case !state.Running:
			return backend.Exit{}, b.dockerdGone(what, state)
		case sure:
			inside := b.dockerdOOMs.Swap(0) > 0
			exit.OOM = exit.OOM || inside
			return exit, nil
		}
		select {
		case <-ctx.Done():
			_ = b.kill(ctx)
			return backend.Exit{}, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// countOOMs has Docker tell when the kernel kills something in the engine's container for want of memory, a
// container inside included; under control groups of version 2 also one that has used up a limit of its own.
// It ends with b.
func (b *box) countOOMs() {
	ctx, cancel := context.WithCancel(context.Background())
	b.stopCounting = cancel
	told := b.engine.cli.Events(ctx, client.EventsListOptions{Filters: make(client.Filters).Add("container", b.dockerd.GetContainerID()).Add("event", "oom")})
	go func() {
		for {
			select {
			case <-told.Messages:
				b.dockerdOOMs.Add(1)
			case <-told.Err:
				return
			}
		}
	}()
}

// dockerdAnswers reports whether the engine's container still takes a process.
func (b *box) dockerdAnswers(ctx context.Context) bool {
	code, _, err := b.dockerd.Exec(ctx, []string{"/bin/sh", "-c", ":"})
	return err == nil && code == 0
}

// dockerdDied reports whether a running script cannot go on, which may wait for its engine for ever, and how
// that counts: as want of memory, or as an error.
func (b *box) dockerdDied(ctx context.Context, what string) (dead bool, exit backend.Exit, err error) {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	state, err := b.engine.state(call, b.dockerd.GetContainerID())
	switch {
	case err != nil || state.Running:
		return false, backend.Exit{}, nil // what is wrong with Docker itself shows elsewhere
	case state.OOMKilled:
		return true, backend.Exit{Code: 137, OOM: true}, nil
	}
	return true, backend.Exit{}, b.dockerdGone(what, state)
}

func (b *box) dockerdGone(what string, state *container.State) error {
	return backend.Infrastructuref("%s: its docker engine %s is dead (%s)%s", what, b.dockerdVersion, ending(state), b.dockerdLog())
}

// dockerdLog gives the engine's last words for a message, each on a line of its own; those of daily business
// only where there are no others.
func (b *box) dockerdLog() string {
	const most = 8
	lines := b.engine.lastLines(b.dockerd.GetContainerID(), 100)
	told := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.Contains(line, "level=info") })
	if len(told) == 0 {
		told = lines
	}
	if len(told) == 0 {
		return ", and has said nothing"
	}
	return "; its last lines:\n\t" + strings.Join(told[max(0, len(told)-most):], "\n\t")
}
