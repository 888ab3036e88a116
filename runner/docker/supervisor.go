package docker

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// supervisor is the shell around a script. It joins the script's standard error to its standard output where
// both begin, so that lines come in the order in which they were written, and keeps standard error for two
// words of its own: that the script begins (so the engine did run it, and 126 or 127 are the script's, not
// the engine's), and how it ended (so that a background process that holds the output open delays nobody).
// Beside them it says how many processes of the box the kernel has killed for want of memory and how many it
// has refused to start, where the cgroup, version 2 or 1, counts them; and when the script has failed what is
// left of the disk. Then it is over.
//
// It sets how many files a process may have open, as far as the engine allows: some engines allow a thousand
// million, and programs that close them all before they start another then take seconds for it.
//
// Before the end of the script it forks for nothing but the script. Its variables have names that no build's
// environment has: a variable that came from the environment stays exported when it is set.
//
// A build can write where the supervisor does, through /proc. Hence each word comes behind a secret that the
// supervisor reads from its standard input, where no other process finds it later; and there are two, for who
// opens the supervisor's pipe to read may catch the first word before the engine does. A build that reads the
// supervisor's memory can still lie about its own end: no infrastructure is believed for that, see
// [box.confirmShortage].
const supervisor = `
_bisect_count() {
	for _bisect_f in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
		if [ -r "$_bisect_f" ]; then
			while read -r _bisect_k _bisect_v; do [ "$_bisect_k" != oom_kill ] || _bisect_n=$_bisect_v; done <"$_bisect_f"
		fi
	done
	for _bisect_f in /sys/fs/cgroup/pids.events /sys/fs/cgroup/pids/pids.events; do
		if [ -r "$_bisect_f" ]; then
			while read -r _bisect_k _bisect_v; do [ "$_bisect_k" != max ] || _bisect_p=$_bisect_v; done <"$_bisect_f"
		fi
	done
}
read -r _bisect_one _bisect_two
ulimit -S -n 65536 2>/dev/null || :
_bisect_n=-
_bisect_p=-
_bisect_count
echo "$_bisect_one begin $_bisect_n $_bisect_p" >&2
/bin/sh -e "$@" 2>&1 </dev/null
_bisect_code=$?
_bisect_count
echo "$_bisect_two end $_bisect_code $_bisect_n $_bisect_p" >&2
[ "$_bisect_code" = 0 ] || { df -P -k / .; df -P -i / .; } >&2
echo "$_bisect_two over" >&2
exit "$_bisect_code"
`

// oomState is what is known of processes killed for want of memory.
type oomState int

const (
	oomUnknown oomState = iota
	oomNo
	oomYes
)

const (
	// lineLimit and rowLimit bound what is kept of the supervisor's words: builds can write there.
	lineLimit = 4 << 10
	rowLimit  = 16
)

// control reads the supervisor's words. Other lines are its shell's remarks, such as "Killed" or that it
// cannot fork, df's rows, or a build's.
type control struct {
	onOver     func()
	begin, end string // the secrets before its words; see supervisor

	mu      sync.Mutex
	line    []byte // of one that is not whole yet, at most one byte more than lineLimit
	started bool
	ended   bool
	over    bool // the supervisor has said all
	code    int
	before  string // the count of killed processes at the beginning
	after   string
	remark  string // the last
	rooms   rooms  // of the box's disk, behind the end: what the build's own df says

	refusedBefore, refusedAfter string // counts of processes that the box could not have
}

func (c *control) Write(p []byte) (int, error) {
	c.mu.Lock()
	wasOver := c.over
	for rest, whole := p, true; whole; {
		var piece []byte
		piece, rest, whole = bytes.Cut(rest, []byte("\n"))
		c.line = append(c.line, piece[:min(len(piece), lineLimit+1-len(c.line))]...)
		if whole {
			if len(c.line) <= lineLimit {
				c.read(strings.Fields(plain(string(c.line))))
			}
			c.line = c.line[:0]
		}
	}
	over := c.over && !wasOver
	c.mu.Unlock()
	if over {
		c.onOver()
	}
	return len(p), nil
}

// secrets is the line that goes to the supervisor's standard input.
func (c *control) secrets() string { return c.begin + " " + c.end + "\n" }

func (c *control) read(words []string) {
	switch {
	case len(words) == 4 && words[0] == c.begin && words[1] == "begin":
		c.started, c.before, c.refusedBefore = true, words[2], words[3]
	case c.started && !c.ended && len(words) == 5 && words[0] == c.end && words[1] == "end":
		code, err := strconv.Atoi(words[2])
		c.code, c.after, c.refusedAfter, c.ended = code, words[3], words[4], err == nil
	case c.ended && len(words) == 2 && words[0] == c.end && words[1] == "over":
		c.over = true
	case c.ended && len(c.rooms.list) < rowLimit:
		c.rooms.read(words)
	case c.ended:
	case len(words) > 0:
		c.remark = shortened(strings.Join(words, " "))
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

// refused reports whether the box was refused a process while the script ran, as far as the kernel tells.
func (c *control) refused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, err1 := strconv.Atoi(c.refusedBefore)
	after, err2 := strconv.Atoi(c.refusedAfter)
	return err1 == nil && err2 == nil && after > before
}

// shortage says which disk the box's df found full when the script had failed; "" if none.
func (c *control) shortage(complained bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return shortened(c.rooms.shortage(complained))
}

// lastRemark is what the supervisor's shell said last in words of its own.
func (c *control) lastRemark() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remark
}

// plain is text as it may stand in a message: what a build had a hand in holds no control characters, which
// terminals obey.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// shortened cuts a remark to what a message can hold.
func shortened(remark string) string {
	const most = 300
	if len(remark) <= most {
		return remark
	}
	return strings.ToValidUTF8(remark[:most], "") + "…"
}
