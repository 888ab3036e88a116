package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"buildbisect/runner/backend"
)

const (
	// argLimit is where a script no longer goes by argument: Linux takes 128 KiB in one, terminating zero
	// included.
	argLimit = 100 << 10

	// silence is how long output may pause, once the script has ended, before it counts as complete;
	// drainLimit cuts off background processes that never stop printing.
	silence    = 300 * time.Millisecond
	drainLimit = 3 * time.Second
)

// shell sets the umask that boxes have everywhere, and becomes the shell of the script.
const shell = `umask 022; exec /bin/sh -e "$@"`

// Exec runs script under `sh -e`, in a session of its own. Its output is copied as it arrives, never held;
// what background processes print after the script has ended is cut off. Ending ctx kills the whole box.
func (b *box) Exec(ctx context.Context, script string, out io.Writer) (backend.Exit, error) {
	what := fmt.Sprintf("run a script in box %s", b.name)
	if ctx.Err() != nil {
		_ = b.kill()
		return backend.Exit{}, context.Cause(ctx)
	}
	argv := []string{"-c", "--", script}
	if len(script) > argLimit {
		file := filepath.Join(b.dir, "script")
		if err := writeAnew(file, []byte(script)); err != nil {
			return backend.Exit{}, infrastructuref("%s: store it: %w", what, err)
		}
		argv = []string{file}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return backend.Exit{}, infrastructuref("%s: %w", what, err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", shell, "sh"}, argv...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = b.work(), b.env, w, w
	cmd.SysProcAttr = newSessionOf()
	before := oomKills()
	err = b.start(cmd)
	w.Close()
	if err != nil && b.homeless() {
		return b.refused(what, out)
	}
	if err != nil {
		return backend.Exit{}, infrastructuref("%s: %w", what, errors.Join(b.there(what), err))
	}

	s := &stream{r: r, out: out, disk: b.engine.dir.path, complaints: backend.Matcher{Words: []string{backend.NoSpace}}}
	copied, ended := make(chan struct{}), make(chan struct{})
	go func() { s.copy(); close(copied) }()
	go func() {
		_ = cmd.Wait() // what there is to know is in ProcessState
		b.engine.waited(cmd.Process.Pid)
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-copied: // it closed its output; or ours is in trouble
		if s.writeErr == nil {
			select {
			case <-ended:
			case <-ctx.Done():
			}
		}
	}
	select {
	case <-ended:
		s.drain()
		<-copied
	default:
		// What cannot be ended now Close will name.
		_ = b.kill()
		s.drain()
		<-copied
		if s.writeErr == nil {
			return backend.Exit{}, context.Cause(ctx)
		}
	}
	if s.writeErr != nil {
		_ = b.kill()
		return backend.Exit{}, infrastructuref("%s: store its output: %w", what, s.writeErr)
	}
	return b.outcome(what, cmd.ProcessState, before, s)
}

// start starts a stage. Until it is known to be waited for, nobody reaps.
func (b *box) start(cmd *exec.Cmd) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return errors.New("the box was ended before")
	}
	e := b.engine
	e.running.Lock()
	defer e.running.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	e.shells[cmd.Process.Pid] = true
	b.sessions[cmd.Process.Pid] = true
	return nil
}

func (e *Engine) waited(pid int) {
	e.running.Lock()
	defer e.running.Unlock()
	delete(e.shells, pid)
}

// outcome tells how a script ended: by its own doing, or because the machine failed it.
func (b *box) outcome(what string, state *os.ProcessState, before int64, s *stream) (backend.Exit, error) {
	if err := b.there(what); err != nil {
		return backend.Exit{}, err
	}
	if err := cmp.Or(b.harmed(what), b.spoilt(what)); err != nil {
		return backend.Exit{}, err
	}
	exit := backend.Exit{Code: state.ExitCode()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		exit.Code = 128 + int(status.Signal())
	}
	if exit.Code == 0 {
		return exit, nil
	}
	exit.OOM = oomKills() > before
	if full := cmp.Or(s.full, shortage(s.disk, s.complaints.Heard)); full != "" && !exit.OOM {
		return backend.Exit{}, infrastructuref("%s: it ended with status %d, but %s: %w", what, exit.Code, full, syscall.ENOSPC)
	}
	return exit, nil
}

// homeless reports whether no script can be started because of what the build has done to its work folder.
func (b *box) homeless() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	info, err := os.Stat(b.work())
	return !b.over && (err != nil || !info.IsDir() || syscall.Access(b.work(), 1) != nil)
}

// refused is the end of a script that had no work folder: that it fails is the build's own doing, and the
// reader is told why.
func (b *box) refused(what string, out io.Writer) (backend.Exit, error) {
	if err := b.there(what); err != nil {
		return backend.Exit{}, err
	}
	if _, err := io.WriteString(out, "sh: cannot go to the work folder: the build has removed or closed it\n"); err != nil {
		return backend.Exit{}, infrastructuref("%s: store its output: %w", what, err)
	}
	return backend.Exit{Code: 127}, b.harmed(what)
}

// stream copies what a script prints.
type stream struct {
	r     *os.File
	out   io.Writer
	limit atomic.Int64 // Unix nanoseconds of when reading must end; 0 while the script runs

	writeErr   error           // set by copy
	complaints backend.Matcher // by copy, too
	disk       string          // a folder on it
	full       string          // by copy: what was full when the complaint was heard, of which the builds that complain remove the most at once
}

func (s *stream) copy() {
	buf := make([]byte, 64<<10)
	for {
		if limit := s.limit.Load(); limit != 0 {
			s.patience(time.Unix(0, limit))
		}
		n, err := s.r.Read(buf)
		if n > 0 {
			began := time.Now()
			if s.complaints.Listen(buf[:n]); s.complaints.Heard && s.full == "" {
				s.full = shortage(s.disk, true)
			}
			if _, s.writeErr = s.out.Write(buf[:n]); s.writeErr != nil {
				return
			}
			if s.limit.Load() != 0 {
				s.limit.Add(int64(time.Since(began))) // the reader's time, not the build's
			}
		}
		if err != nil {
			return // the end, or what drain has set
		}
	}
}

// drain says that the script has ended: read what is on its way, and no more.
func (s *stream) drain() {
	limit := time.Now().Add(drainLimit)
	s.limit.Store(limit.UnixNano())
	s.patience(limit)
}

func (s *stream) patience(limit time.Time) {
	until := time.Now().Add(silence)
	if until.After(limit) {
		until = limit
	}
	_ = s.r.SetReadDeadline(until) // it fails only on a closed pipe, where the read fails too
}
