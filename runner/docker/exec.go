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

	"buildbisect/runner/backend"
)

const (
	// argLimit is where a script no longer goes by argument: Linux takes 128 KiB in one, terminating zero
	// included.
	argLimit = 100 << 10
	// pulse is how often a silent script is looked after, to see an engine that went away without a word.
	pulse = 5 * time.Second
)

// Exec runs script under `sh -e`. Its output is copied as it arrives, never held; what background processes
// print after the script has ended is cut off. Ending ctx kills the whole box.
func (b *box) Exec(ctx context.Context, script string, out io.Writer) (backend.Exit, error) {
	what := fmt.Sprintf("run a script in box %s", b.name)
	exit, err := b.run(ctx, what, script, out)
	if err == nil && b.dockerd != nil {
		exit, err = b.examine(ctx, what, exit)
	}
	return b.disk.judge(ctx, what, exit, err)
}

func (b *box) run(ctx context.Context, what, script string, out io.Writer) (backend.Exit, error) {
	argv := []string{"-c", "--", script}
	if len(script) > argLimit {
		file, err := b.putScript(ctx, script)
		if err != nil {
			if ctx.Err() != nil {
				_ = b.kill(ctx)
			}
			return backend.Exit{}, err
		}
		argv = []string{file}
	}
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	created, err := b.engine.cli.ExecCreate(call, b.id, client.ExecCreateOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true, WorkingDir: b.workdir, Env: b.secrets,
		Cmd: append([]string{"/bin/sh", "-c", supervisor, "sh"}, argv...),
	})
	if err != nil {
		return b.execFailed(ctx, call, what, err)
	}
	attached, err := b.engine.cli.ExecAttach(call, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return b.execFailed(ctx, call, what, err)
	}
	defer attached.Close()

	s := newStream(attached.Conn)
	defer func() {
		if s.control.begun() {
			b.begun.Store(true)
		}
	}()
	// A connection that does not take this line gives nothing either: that shows where it is read.
	_, _ = io.WriteString(attached.Conn, s.control.secrets())
	copied := make(chan error, 1)
	go func() { copied <- s.copy(out) }()
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	paused := false
	for {
		select {
		case <-ctx.Done():
			b.abandon(ctx, s, copied)
			return backend.Exit{}, context.Cause(ctx)
		case err := <-copied:
			return b.outcome(ctx, what, created.ID, s, err)
		case <-ticker.C:
			call, cancel := within(ctx, callDeadline)
			state, err := b.engine.cli.ExecInspect(call, created.ID, client.ExecInspectOptions{})
			if err != nil && ctx.Err() == nil {
				exit, err := b.execFailed(ctx, call, what, err)
				cancel()
				b.abandon(ctx, s, copied)
				return exit, err
			}
			cancel()
			before := paused
			if paused = b.paused(ctx); paused && before {
				b.abandon(ctx, s, copied)
				return backend.Exit{}, backend.Infrastructuref("%s: somebody has paused the box, and its time runs out meanwhile: try again", what)
			}
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
func (b *box) outcome(ctx context.Context, what, exec string, s *stream, copyErr error) (backend.Exit, error) {
	if s.writeErr != nil {
		_ = b.kill(ctx)
		return backend.Exit{}, backend.Infrastructuref("%s: store its output: %w", what, s.writeErr)
	}
	if code, oom, ended := s.control.result(); ended {
		exit := backend.Exit{Code: code, OOM: oom == oomYes, PIDs: s.control.refused()}
		if oom == oomUnknown && code != 0 {
			state, err := b.state(ctx)
			exit.OOM = err == nil && state.OOMKilled
		}
		if claimed := s.control.shortage(s.noSpace.Heard); code != 0 && !exit.OOM && claimed != "" {
			if full := b.confirmShortage(ctx, claimed, s.noSpace.Heard); full != "" {
				return backend.Exit{}, backend.Infrastructuref("%s: it ended with status %d, but %s: %s", what, code, full, makeRoom)
			}
		}
		exit.Full = code != 0 && b.disk != nil && s.signal.Heard
		b.disk.complained(s.tooLarge.Heard)
		return exit, nil
	}
	return b.vanished(ctx, what, exec, s, copyErr)
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

// lastLines are the last lines, most of them, that a container's first process printed; none where they
// cannot be had.
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
	lines := strings.FieldsFunc(text.String(), func(r rune) bool { return r == '\n' })
	for i, line := range lines {
		lines[i] = plain(line) // builds can write there, too
	}
	return lines
}

// putScript stores a script that is too long for an argument in the root folder, the one place that every
// image has.
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
