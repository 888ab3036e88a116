package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// process is one process of this machine, as /proc shows it.
type process struct {
	pid, parent, group, session int
	zombie                      bool
	started                     string // in clock ticks since the machine did: with pid, it is like no other
}

// lasting is what of a process stays as it is while it runs under one parent.
func (p process) lasting() process { return process{pid: p.pid, started: p.started} }

// readProcess looks at one process. One that is gone is fs.ErrNotExist or ESRCH.
func readProcess(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The second field, in parentheses, is the program's own choice.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return process{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	p := process{pid: pid, zombie: fields[0] == "Z" || fields[0] == "X", started: fields[19]}
	for i, to := range []*int{&p.parent, &p.group, &p.session} {
		if *to, err = strconv.Atoi(fields[1+i]); err != nil {
			return process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return p, nil
}

// processes are all that there are.
func processes() ([]process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return nil, err
	}
	var all []process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil { // else it has ended
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
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
	return err == nil && hasWord(env, word, more)
}

func hasWord(env []byte, word, more string) bool {
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		value, ok := bytes.CutPrefix(entry, []byte(boxVariable+"="))
		if ok && (string(value) == word || more != "" && bytes.HasPrefix(value, []byte(word+more))) {
			return true
		}
	}
	return false
}

// worksIn reports whether a folder, or one below it, is the process's current one. Anybody may go there: it
// takes more than that to be of a box.
func (p process) worksIn(dir string) bool {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid))
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
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.pid))
	if err != nil {
		return fmt.Sprintf("process %d", p.pid)
	}
	return fmt.Sprintf("process %d (%s)", p.pid, strings.TrimSpace(string(comm)))
}
