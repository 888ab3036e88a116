package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// endWait is how long processes that were killed may take to be gone: those in the middle of a disk's work
// take their time.
const endWait = 5 * time.Second

// family picks out of all processes those that are ours, with their descendants. Spared is this process, with
// its ancestors: the environment of a bisect inside a build names that build's folder.
func family(all []process, spared int, ours func(process) bool) []process {
	by, children := map[int]process{}, map[int][]process{}
	for _, p := range all {
		by[p.pid] = p
		children[p.parent] = append(children[p.parent], p)
	}
	seen := map[int]bool{}
	for pid := spared; pid > 0 && !seen[pid]; pid = by[pid].parent {
		seen[pid] = true
	}
	var found []process
	var take func(p process)
	take = func(p process) {
		if seen[p.pid] {
			return
		}
		seen[p.pid] = true
		found = append(found, p)
		for _, child := range children[p.pid] {
			take(child)
		}
	}
	for _, p := range all {
		if !seen[p.pid] && ours(p) {
			take(p)
		}
	}
	return found
}

// end kills a family until nothing of it lives. Processes that it starts meanwhile are found on the next
// look.
func (e *Engine) end(ours func(process) bool) error {
	guard := e.guard.pid()
	_, err := endAll(e.self, func(p process) bool { return p.pid != guard && ours(p) }, e.reap)
	return err
}

// endWithin kills what still runs for the folder of a session that is dead: what has its word, and orphans
// that work there. Another user of that folder has a parent.
func endWithin(dir string) (ended int, err error) {
	return endAll(os.Getpid(), func(p process) bool {
		return p.has(filepath.Base(dir), ".") || p.parent == 1 && p.worksIn(dir)
	}, func() {})
}

func endAll(spared int, ours func(process) bool, reap func()) (ended int, err error) {
	deadline := time.Now().Add(endWait)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		all, err := processes()
		if err != nil {
			return ended, infrastructuref("look for processes to end: %w", err)
		}
		var alive []process
		var errs []error
		for _, p := range family(all, spared, func(p process) bool { return !p.zombie && ours(p) }) {
			if p.zombie {
				continue
			}
			alive = append(alive, p)
			// A whole group at once: one process at a time, those that fork fast would win.
			if p.group == p.pid {
				_ = syscall.Kill(-p.group, syscall.SIGKILL)
			}
			if err := p.kill(); err != nil {
				errs = append(errs, fmt.Errorf("end %s, which the build started: %w", p.name(), err))
			}
		}
		reap()
		ended = max(ended, len(alive))
		switch {
		case len(alive) == 0:
			return ended, nil
		case len(errs) == len(alive): // all that is left is not ours to end
			return ended, infrastructuref("%w; end it by hand", errors.Join(errs...))
		case time.Now().After(deadline):
			return ended, infrastructuref("%s, which the build started, was killed and still lives after %s", alive[0].name(), endWait)
		}
		time.Sleep(wait)
	}
}

// stray reports whether a process descends from a stage, though nothing but its parent tells so: one that we
// have adopted. None of our own children has left our session, but for those that a shell had which then
// became us. The first process of a container adopts everybody's orphans, and cannot tell.
func (e *Engine) stray(p process) bool {
	return p.parent == e.self && e.self != 1 && p.session != e.sid && !e.kept[p.lasting()]
}

// below reports whether a process descends from a stage, as far as its ancestors live, or was adopted.
func (e *Engine) below(p process) bool {
	seen := map[int]bool{}
	for p.parent > 0 && p.parent != e.self && !seen[p.pid] {
		seen[p.pid] = true
		parent, err := readProcess(p.parent)
		if err != nil {
			return false // it has just ended: the next look finds who adopted its child
		}
		p = parent
	}
	return p.parent == e.self && p.session != e.sid && !e.kept[p.lasting()]
}
