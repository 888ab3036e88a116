package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reapOrphans lets the adopted go that have ended: each keeps a place in the table of processes until then.
func (e *Engine) reapOrphans() {
	ticker := time.NewTicker(reapEvery)
	defer ticker.Stop()
	for {
		select {
		case <-e.done:
			return
		case <-ticker.C:
			e.mu.Lock()
			busy := len(e.boxes) > 0
			e.mu.Unlock()
			if busy {
				e.reap()
			}
		}
	}
}

// reap waits for the adopted that have ended, and for no child that somebody else waits for.
func (e *Engine) reap() {
	e.running.Lock()
	defer e.running.Unlock()
	for _, pid := range children(e.self) {
		if e.shells[pid] {
			continue
		}
		if p, err := readProcess(pid); err == nil && p.zombie && p.parent == e.self && p.session != e.sid {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// children are the numbers of a process's children: from the kernel's own list where it keeps one, else from
// all processes.
func children(of int) (pids []int) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", of))
	if err != nil || len(lists) == 0 {
		all, _ := processes()
		for _, p := range all {
			if p.parent == of {
				pids = append(pids, p.pid)
			}
		}
		return pids
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
