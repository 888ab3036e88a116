package docker

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"buildbisect/runner/backend"
)

// vanished finds out why there is no word of a script's end: the box is gone, the engine could not run the
// shell, or the script killed every process it could, its supervisor included.
func (b *box) vanished(ctx context.Context, what, exec string, s *stream, copyErr error) (backend.Exit, error) {
	call, cancel := within(ctx, killDeadline)
	defer cancel()
	// When a box dies, the end of its output can be seen before the box's.
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		state, err := b.state(call)
		switch {
		case err != nil:
			return b.execFailed(ctx, call, what, err)
		case !state.Running && state.OOMKilled:
			return backend.Exit{Code: 137, OOM: true}, nil
		case !state.Running:
			return b.gone(what, state)
		case wait > time.Second:
			ended, err := b.engine.cli.ExecInspect(call, exec, client.ExecInspectOptions{})
			switch {
			case err != nil:
				return b.execFailed(ctx, call, what, err)
			case !ended.Running && b.crowded(call):
				return backend.Exit{Code: ended.ExitCode, PIDs: true}, nil
			case !s.control.begun() && !ended.Running && b.shellBroken(ended.ExitCode, s, copyErr):
				return backend.Exit{Code: max(ended.ExitCode, 126)}, nil
			case !s.control.begun():
				return backend.Exit{}, backend.Infrastructuref("%s: the engine could not run /bin/sh in it: %s", what, s.complaint())
			case ended.Running:
				return backend.Exit{}, backend.Infrastructuref("%s: the engine broke off its output: %w", what, errOr(copyErr, io.ErrUnexpectedEOF))
			}
			if ended.ExitCode > 128 && ended.ExitCode <= 128+64 {
				return backend.Exit{Code: ended.ExitCode}, nil // a signal
			}
			// Shells give up without a word to us when they cannot fork; some put their complaint where the
			// script's output goes.
			return backend.Exit{}, backend.Infrastructuref("%s: its shell could not start it (exit %d): %s: if no process is left, raise resources.pids or end what earlier stages leave running",
				what, ended.ExitCode, s.complaint())
		}
		select {
		case <-ctx.Done():
			_ = b.kill(ctx)
			return backend.Exit{}, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// shellBroken reports whether no script can begin any more because of what an earlier one did to the shell,
// or to what that is loaded with: the image's own shell has worked in this box. What else keeps the engine
// from running anything has other words, or breaks off the output.
func (b *box) shellBroken(code int, s *stream, copyErr error) bool {
	if !b.begun.Load() {
		return false
	}
	words := s.complaint()
	if strings.Contains(words, "exec /bin/sh") || strings.Contains(words, `exec: "/bin/sh"`) || strings.Contains(words, "exec format error") {
		return true
	}
	if strings.Contains(words, "OCI runtime") || strings.Contains(words, "exec failed") {
		return false
	}
	// Another program in the place of the shell ends with any status, and has nothing to say.
	return copyErr == nil || code == 126 || code == 127 || code > 128 && code <= 128+64
}

// execFailed says whether err comes of the box being gone, and how that counts.
func (b *box) execFailed(ctx, call context.Context, what string, err error) (backend.Exit, error) {
	if ctx.Err() != nil {
		_ = b.kill(ctx)
		return backend.Exit{}, context.Cause(ctx)
	}
	if call.Err() == nil { // an engine that did not answer in time will not now
		if state, stateErr := b.state(ctx); stateErr == nil && !state.Running {
			return b.gone(what, state)
		}
	}
	return backend.Exit{}, failed(ctx, call, what, err)
}

// gone tells of a box that does not run any more though nobody here has ended it.
func (b *box) gone(what string, state *container.State) (backend.Exit, error) {
	// The first process ends by itself, and with a word, only where the image lacks what it needs; or where a
	// build ends its sleep and leaves no room for another. A build that feigns that word accuses itself.
	last := strings.Join(b.engine.lastLines(b.id, 1), "")
	switch {
	case b.begun.Load() && (strings.Contains(last, "an't fork") || strings.Contains(last, "annot fork")):
		return backend.Exit{Code: 137, PIDs: true}, nil
	case !b.begun.Load() && (strings.Contains(last, "exec ") || last == noSleep):
		return backend.Exit{}, backend.NewUntestable(fmt.Errorf("%s: its image cannot run the shell of a box: %s: choose another base", what, last))
	}
	return backend.Exit{}, backend.Infrastructuref("%s: the box was ended from outside (%s), not by the build: try again", what, ending(state))
}

// paused reports whether somebody holds the box still. For a moment `docker commit` does.
func (b *box) paused(ctx context.Context) bool {
	state, err := b.state(ctx)
	return err == nil && state.Paused
}

// ending says how a container ended.
func ending(state *container.State) string {
	how := fmt.Sprintf("exit %d", state.ExitCode)
	if state.ExitCode == 137 {
		how = "killed"
	}
	if state.Error != "" {
		how += ": " + state.Error
	}
	return how
}
