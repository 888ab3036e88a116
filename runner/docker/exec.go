package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"buildbisect/runner"
)

const (
	// argLimit is where a script no longer goes by argument: Linux takes 128 KiB in one, terminating zero included.
	argLimit = 100 << 10
	// pulse is how often a silent script is looked after, to see an engine that went away without a word.
	pulse = 5 * time.Second
)

// Exec runs script under `sh -e`. Its output is copied as it arrives, never held; what background processes print after
// the script has ended is cut off. Ending ctx kills the whole box.
func (b *box) Exec(ctx context.Context, script string, out io.Writer) (runner.Exit, error) {
	what := fmt.Sprintf("run a script in box %s", b.name)
	exit, err := b.run(ctx, what, script, out)
	if err == nil && b.dockerd != nil {
		return b.examine(ctx, what, exit)
	}
	return exit, err
}

func (b *box) run(ctx context.Context, what, script string, out io.Writer) (runner.Exit, error) {
	argv := []string{"-c", "--", script}
	if len(script) > argLimit {
		file, err := b.putScript(ctx, script)
		if err != nil {
			if ctx.Err() != nil {
				_ = b.kill(ctx)
			}
			return runner.Exit{}, err
		}
		argv = []string{file}
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	created, err := b.engine.cli.ExecCreate(call, b.id, client.ExecCreateOptions{
		AttachStdout: true, AttachStderr: true, WorkingDir: b.workdir,
		Cmd: append([]string{"/bin/sh", "-c", supervisor, "sh"}, argv...),
	})
	if err != nil {
		return runner.Exit{}, b.execFailed(ctx, call, what, err)
	}
	attached, err := b.engine.cli.ExecAttach(call, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return runner.Exit{}, b.execFailed(ctx, call, what, err)
	}
	defer attached.Close()

	s := newStream(attached.Conn)
	copied := make(chan error, 1)
	go func() { copied <- s.copy(out) }()
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			b.abandon(ctx, s, copied)
			return runner.Exit{}, context.Cause(ctx)
		case err := <-copied:
			return b.outcome(ctx, what, created.ID, s, err)
		case <-ticker.C:
			call, cancel := within(ctx, callDeadline)
			state, err := b.engine.cli.ExecInspect(call, created.ID, client.ExecInspectOptions{})
			if err != nil && ctx.Err() == nil {
				err = b.execFailed(ctx, call, what, err)
				cancel()
				b.abandon(ctx, s, copied)
				return runner.Exit{}, err
			}
			cancel()
			if b.dockerd != nil {
				if dead, exit, err := b.dockerdDied(ctx, what); dead {
					b.abandon(ctx, s, copied)
					return exit, err
				}
			}
			// The script took its supervisor with it, and something still holds its output open.
			if err == nil && !state.Running && s.control.begun() {
				s.drain()
			}
		}
	}
}

// abandon kills the box and lets what it had printed arrive.
func (b *box) abandon(ctx context.Context, s *stream, copied <-chan error) {
	// If the kill fails the engine is in trouble; Close will say so.
	_ = b.kill(ctx)
	s.drain()
	<-copied
}

// outcome tells how a script ended whose output has come to its end.
func (b *box) outcome(ctx context.Context, what, exec string, s *stream, copyErr error) (runner.Exit, error) {
	if s.writeErr != nil {
		_ = b.kill(ctx)
		return runner.Exit{}, mishapf("%s: store its output: %w", what, s.writeErr)
	}
	if code, oom, ended := s.control.result(); ended {
		exit := runner.Exit{Code: code, OOM: oom == oomYes}
		if oom == oomUnknown && code != 0 {
			state, err := b.state(ctx)
			exit.OOM = err == nil && state.OOMKilled
		}
		return exit, nil
	}
	return b.vanished(ctx, what, exec, s, copyErr)
}

// vanished finds out why there is no word of a script's end: the box is gone, the engine could not run the shell, or the
// script killed every process it could, its supervisor included.
func (b *box) vanished(ctx context.Context, what, exec string, s *stream, copyErr error) (runner.Exit, error) {
	call, cancel := within(ctx, killDeadline)
	defer cancel()
	// When a box dies, the end of its output can be seen before the box's.
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		state, err := b.state(call)
		switch {
		case err != nil:
			return runner.Exit{}, b.execFailed(ctx, call, what, err)
		case !state.Running && state.OOMKilled:
			return runner.Exit{Code: 137, OOM: true}, nil
		case !state.Running:
			return runner.Exit{}, b.gone(what, state)
		case wait > time.Second:
			ended, err := b.engine.cli.ExecInspect(call, exec, client.ExecInspectOptions{})
			switch {
			case err != nil:
				return runner.Exit{}, b.execFailed(ctx, call, what, err)
			case !s.control.begun():
				return runner.Exit{}, mishapf("%s: the engine could not run /bin/sh in it: %s", what, s.complaint())
			case ended.Running:
				return runner.Exit{}, mishapf("%s: the engine broke off its output: %w", what, errOr(copyErr, io.ErrUnexpectedEOF))
			}
			if ended.ExitCode > 128 && ended.ExitCode <= 128+64 {
				return runner.Exit{Code: ended.ExitCode}, nil // a signal
			}
			// Shells give up without a word to us when they cannot fork; some put their complaint where the script's output goes.
			return runner.Exit{}, mishapf("%s: its shell could not start it (exit %d): %s: if no process is left, raise resources.pids or end what earlier stages leave running",
				what, ended.ExitCode, s.complaint())
		}
		select {
		case <-ctx.Done():
			_ = b.kill(ctx)
			return runner.Exit{}, context.Cause(ctx)
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

// execFailed says whether err comes of the box being gone.
func (b *box) execFailed(ctx, call context.Context, what string, err error) error {
	if ctx.Err() != nil {
		_ = b.kill(ctx)
		return context.Cause(ctx)
	}
	if state, stateErr := b.state(ctx); stateErr == nil && !state.Running {
		return b.gone(what, state)
	}
	return failed(ctx, call, what, err)
}

// gone is the error of a box that does not run any more though nobody here has ended it.
func (b *box) gone(what string, state *container.State) error {
	// The first process ends by itself, and with a word, only where the image lacks what it needs.
	words := b.engine.lastLines(b.id, 1)
	if len(words) > 0 && (strings.Contains(words[0], "exec ") || words[0] == noSleep) {
		return &unfit{fmt.Errorf("%s: its image cannot run the shell of a box: %s: choose another base", what, words[0])}
	}
	return mishapf("%s: the box was ended from outside (%s), not by the build: try again", what, ending(state))
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

func (b *box) state(ctx context.Context) (*container.State, error) { return b.engine.state(ctx, b.id) }

func (e *Engine) state(ctx context.Context, id string) (*container.State, error) {
	ctx, cancel := within(ctx, callDeadline)
	defer cancel()
	found, err := e.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	if found.Container.State == nil {
		return nil, fmt.Errorf("inspect container %.12s: the engine gave no state", id)
	}
	return found.Container.State, nil
}

// lastLines are the last lines, most of them, that a container's first process printed; none where they cannot be had.
func (e *Engine) lastLines(id string, most int) []string {
	ctx, cancel := within(context.Background(), killDeadline)
	defer cancel()
	reader, err := e.cli.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: fmt.Sprint(most)})
	if err != nil {
		return nil
	}
	defer reader.Close()
	var text bytes.Buffer
	_, _ = stdcopy.StdCopy(&text, &text, reader) // what came before an error is worth showing, too
	return strings.FieldsFunc(strings.ToValidUTF8(text.String(), "?"), func(r rune) bool { return r == '\n' })
}

// putScript stores a script that is too long for an argument in the root folder, the one place that every image has.
func (b *box) putScript(ctx context.Context, script string) (string, error) {
	name := ".bisect-" + rand.Text() + ".sh"
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(script))})
	if err == nil {
		_, err = io.WriteString(w, script)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("pack a script of %d bytes: %w", len(script), err)
	}
	return "/" + name, b.Put(ctx, "/", &buf)
}
