package docker

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// supervisor is the shell around a script. It joins the script's standard error to its standard output where both begin,
// so that lines come in the order in which they were written, and keeps standard error for two words of its own: that
// the script begins (so the engine did run it, and 126 or 127 are the script's, not the engine's), and how it ended
// (so that a background process that holds the output open delays nobody). Beside them it says how many
// processes of the box the kernel has killed for want of memory, where the cgroup, version 2 or 1, counts them.
//
// It forks for nothing but the script. Its variables have names that no build's environment has: a variable that came
// from the environment stays exported when it is set.
const supervisor = `
_bisect_count() {
	for _bisect_f in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
		if [ -r "$_bisect_f" ]; then
			while read -r _bisect_k _bisect_v; do [ "$_bisect_k" != oom_kill ] || _bisect_n=$_bisect_v; done <"$_bisect_f"
		fi
	done
}
_bisect_n=-
_bisect_count
echo "bisect begin $_bisect_n" >&2
/bin/sh -e "$@" 2>&1
_bisect_code=$?
_bisect_count
echo "bisect end $_bisect_code $_bisect_n" >&2
exit "$_bisect_code"
`

// oomState is what is known of processes killed for want of memory.
type oomState int

const (
	oomUnknown oomState = iota
	oomNo
	oomYes
)

// control reads the supervisor's words. Other lines are its shell's remarks, such as "Killed" or that it cannot fork.
type control struct {
	onEnd func()

	mu      sync.Mutex
	line    []byte
	started bool
	ended   bool
	code    int
	before  string // the count at the beginning
	after   string
	remark  string // the last
}

func (c *control) Write(p []byte) (int, error) {
	c.mu.Lock()
	wasEnded := c.ended
	c.line = append(c.line, p...)
	for {
		line, rest, whole := bytes.Cut(c.line, []byte("\n"))
		if !whole {
			break
		}
		c.read(strings.Fields(string(line)))
		c.line = rest
	}
	end := c.ended && !wasEnded
	c.mu.Unlock()
	if end {
		c.onEnd()
	}
	return len(p), nil
}

func (c *control) read(words []string) {
	switch {
	case len(words) == 3 && words[0] == "bisect" && words[1] == "begin":
		c.started, c.before = true, words[2]
	case len(words) == 4 && words[0] == "bisect" && words[1] == "end":
		code, err := strconv.Atoi(words[2])
		c.code, c.after, c.ended = code, words[3], err == nil
	case len(words) > 0:
		c.remark = strings.Join(words, " ")
	}
}

// begun reports whether the script was started.
func (c *control) begun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// result gives the script's end, if there was word of it.
func (c *control) result() (code int, oom oomState, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, err1 := strconv.Atoi(c.before)
	after, err2 := strconv.Atoi(c.after)
	switch {
	case err1 != nil || err2 != nil:
		oom = oomUnknown
	case after > before:
		oom = oomYes
	default:
		oom = oomNo
	}
	return c.code, oom, c.ended
}

// lastRemark is what the supervisor's shell said last in words of its own.
func (c *control) lastRemark() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remark
}
