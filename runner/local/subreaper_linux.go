package local

import (
	"fmt"
	"syscall"
)

// adoptOrphans makes this process the parent of those descendants that lose theirs, so that none is ever out
// of sight.
func adoptOrphans() error {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setChildSubreaper, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("adopt orphans (PR_SET_CHILD_SUBREAPER): %w", errno)
	}
	return nil
}

// newSessionOf gives a process a session of its own, away from the terminal.
func newSessionOf() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
