// Package local runs the boxes of trials as processes of this machine, in a fresh folder each: for machines
// that are themselves disposable containers, without a Docker engine.
//
// It promises what [backend.Box] does of scripts, their output and their end: nothing of the host's
// environment reaches a script but the folders of PATH, which pinned tools come before; a box that is over
// has no process left, and no file. It starts in milliseconds.
//
// There is no isolation. A build can read and change whatever the user may who runs it, this program's own
// processes among it; it has the machine's network; limits on processors, memory, processes and disk are not
// enforced. The base of an image is not used: the base is this machine. What calls a tool by an absolute path
// gets the machine's own, and the work folder lies at another path in each trial. Pinned tools are closed
// against writing, and where root's builds write to them all the same it is noticed, the trial is repeated,
// and the tools are unpacked anew.
//
// Every process of a box is found by its session, its ancestors, a variable of its environment and its folder
// (see family.go). What a build starts as another user, as sudo does, cannot be ended, which is an error; a
// process that has left its session, its parents, its environment and its folder behind is found once no
// other box runs, but not if this program is killed meanwhile.
//
// Linux only.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// Tools makes the tools that builds are given; [images.Builder] does.
type Tools interface {
	Tools(ctx context.Context, spec catalogue.Spec) (*images.Toolset, error)
	ToolsIdentity(ctx context.Context, spec catalogue.Spec) (string, error)
}

// Engine runs boxes on this machine. What stands for an image is a set of tools. Its methods may be called at
// the same time.
type Engine struct {
	tools Tools
	dir   *session
	path  []string // folders of programs of this machine, absolute

	self  int // our own process, and its session
	sid   int
	kept  map[process]bool // children that we had before the first stage: none of ours
	guard *watchdog

	sharing chan struct{} // holds a token of who unpacks or looks at what boxes share
	done    chan struct{} // closed to end the reaping
	idle    sync.WaitGroup

	mu     sync.Mutex
	sets   map[string]*set     // by image id
	boxes  map[*box]bool       // that are open
	shares map[string]*sharing // by key

	running sync.Mutex   // held while a stage is started, and while orphans are reaped
	shells  map[int]bool // processes that somebody waits for
}

var (
	_ backend.Backend       = (*Engine)(nil)
	_ backend.HostDescriber = (*Engine)(nil)
)

// reapEvery is how often orphans that ended are looked for while a box is open.
const reapEvery = time.Second

// Open takes a folder below cache for boxes, and removes what processes that were killed have left there:
// their folders, and what still runs in them. Warn is told of it. Afterwards this process adopts the orphans
// of all its descendants.
func Open(cache string, tools Tools, warn func(string)) (*Engine, error) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		return nil, fmt.Errorf("runner local: %w: stages need a shell there", err)
	}
	if err := adoptOrphans(); err != nil {
		return nil, fmt.Errorf("runner local: %w", err)
	}
	self, err := readProcess(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("runner local: %w; is /proc mounted?", err)
	}
	e := &Engine{
		tools: tools, path: searchPath(os.Getenv("PATH")), self: self.pid, sid: self.session, done: make(chan struct{}),
		sets: map[string]*set{}, boxes: map[*box]bool{}, shells: map[int]bool{},
		kept: map[process]bool{}, sharing: make(chan struct{}, 1), shares: map[string]*sharing{},
	}
	if e.dir, err = newSession(cache, warn); err != nil {
		return nil, fmt.Errorf("runner local: %w", err)
	}
	if e.guard, err = watch(e.dir); err != nil {
		return nil, errors.Join(fmt.Errorf("runner local: %w", err), e.dir.remove())
	}
	e.shells[e.guard.pid()] = true
	for _, pid := range children(e.self) {
		if p, err := readProcess(pid); err == nil {
			e.kept[p.lasting()] = true
		}
	}
	e.idle.Go(e.reapOrphans)
	return e, nil
}

// Close ends what boxes have left, and removes their folder. Boxes are closed before.
func (e *Engine) Close() error {
	err := e.end(func(p process) bool {
		return e.stray(p) || p.has(e.dir.word(), ".") || p.worksIn(e.dir.path) && e.below(p)
	})
	close(e.done)
	e.idle.Wait()
	e.guard.stop()
	return errors.Join(err, e.dir.remove())
}

// Load takes what [Engine.Image] gave.
func (e *Engine) Load(_ context.Context, image *images.Image) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sets[image.Name] == nil {
		return "", fmt.Errorf("tools %s: not made by this runner", image.Name)
	}
	return image.Name, nil
}

// Check runs checks in a box.
func (e *Engine) Check(ctx context.Context, id string, checks []images.Check) (err error) {
	if len(checks) == 0 {
		return nil
	}
	box, err := e.Start(ctx, backend.BoxSpec{Image: id, Workdir: "/src"})
	if err != nil {
		return fmt.Errorf("check tools: %w", err)
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	return backend.CheckTools(ctx, box, checks)
}

// infrastructuref is an error of the machine, with the next step where there is one.
func infrastructuref(format string, args ...any) error {
	return backend.Infrastructuref("%w", advised(fmt.Errorf(format, args...)))
}

// advised adds the next step where there is one.
func advised(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; make room on the disk of the cache, or set XDG_CACHE_HOME to another", err)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		return fmt.Errorf("%w; the machine has too many processes, or no memory left: end some, or build fewer points at a time (-j)", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; see that the cache can be written to, or set XDG_CACHE_HOME", err)
	}
	return err
}
