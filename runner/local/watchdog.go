package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// watchdog is a shell that outlives this process if that is killed: then it ends what the builds left
// running, and removes their folder. What it does not get at, the next session does.
type watchdog struct {
	cmd  *exec.Cmd
	pipe *os.File // the end that dies with us
}

// guarding waits for the end of its input. Every process of a box has a variable that begins with $2 in its
// environment, the watchdog and its own have not.
const guarding = `read -r _
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	none=1
	for f in $(grep -lsz -e "^$2" /proc/[0-9]*/environ); do
		none=; f=${f#/proc/}; kill -9 "${f%/environ}"
	done
	[ -z "$none" ] || break
done
chmod -R u+w "$1"
rm -rf "$1"
`

func watch(s *session) (*watchdog, error) {
	in, pipe, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a watchdog: %w", err)
	}
	defer in.Close()
	cmd := exec.Command("/bin/sh", "-c", guarding, "bisect-watchdog", s.path, boxVariable+"="+s.word()+"[.]")
	cmd.Stdin, cmd.Dir = in, "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = newSessionOf() // an interrupt at the terminal is not for it
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a watchdog: %w", err), pipe.Close())
	}
	return &watchdog{cmd, pipe}, nil
}

func (w *watchdog) pid() int { return w.cmd.Process.Pid }

// stop ends it before it could act.
func (w *watchdog) stop() {
	_ = w.cmd.Process.Kill() // it waits, so nothing is left half done
	_ = w.cmd.Wait()
	_ = w.pipe.Close()
}
