package local

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"
)

// process is one process of this machine, as /proc shows it.
type process struct {
	pid, parent, group, session int
	zombie                      bool
	started                     uint64 // in clock ticks since the machine did: with pid, it is like no other
}

// lasting is what of a process stays as it is while it runs under one parent.
func (p process) lasting() process { return process{pid: p.pid, started: p.started} }

// readProcess looks at one process. One that is gone is fs.ErrNotExist or ESRCH.
func readProcess(pid int) (process, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return process{}, err
	}
	return looked(p)
}

func looked(p procfs.Proc) (process, error) {
	stat, err := p.Stat()
	return process{
		pid: p.PID, parent: stat.PPID, group: stat.PGRP, session: stat.Session,
		zombie: stat.State == "Z" || stat.State == "X", started: stat.Starttime,
	}, err
}

// processes are all that there are.
func processes() (all []process, err error) {
	list, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	for _, each := range list {
		if p, err := looked(each); err == nil { // else it has ended
			all = append(all, p)
		}
	}
	return all, nil
}

// boxVariable is set in the environment of all that runs in a box, to the word of the session, a dot and that
// of the box: exactly so no stranger has it.
const boxVariable = "BISECT_LOCAL_BOX"

// has reports whether the process was started with a box's word, or where more is given, with any that begins
// with both. Of other users' processes that cannot be seen.
func (p process) has(word, more string) bool {
	of, err := procfs.NewProc(p.pid)
	if err != nil {
		return false
	}
	env, err := of.Environ()
	return err == nil && hasWord(env, word, more)
}

func hasWord(env []string, word, more string) bool {
	return slices.ContainsFunc(env, func(entry string) bool {
		value, ok := strings.CutPrefix(entry, boxVariable+"=")
		return ok && (value == word || more != "" && strings.HasPrefix(value, word+more))
	})
}

// worksIn reports whether a folder, or one below it, is the process's current one. Anybody may go there: it
// takes more than that to be of a box.
func (p process) worksIn(dir string) bool {
	of, err := procfs.NewProc(p.pid)
	if err != nil {
		return false
	}
	cwd, err := of.Cwd()
	return err == nil && (cwd == dir || strings.HasPrefix(cwd, dir+"/"))
}

// kill ends the process, and no other that has come to have its number.
func (p process) kill() error {
	held, err := os.FindProcess(p.pid) // by a descriptor where the kernel has those
	if err != nil {
		return nil // it is gone
	}
	defer held.Release()
	if now, err := readProcess(p.pid); err != nil || now.started != p.started {
		return nil
	}
	err = held.Signal(syscall.SIGKILL)
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// name is what a process is called, for messages.
func (p process) name() string {
	of, err := procfs.NewProc(p.pid)
	if err != nil {
		return fmt.Sprintf("process %d", p.pid)
	}
	comm, err := of.Comm()
	if err != nil {
		return fmt.Sprintf("process %d", p.pid)
	}
	return fmt.Sprintf("process %d (%s)", p.pid, comm)
}
