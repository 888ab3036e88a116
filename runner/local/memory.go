package local

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
)

// oomKills counts the processes that the kernel has killed for want of memory: in the control group that this
// process is in, or where none counts, on the whole machine. One more of them and a failure is that of the
// memory, not of the build, as far as can be told.
func oomKills() int64 {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		// As in "0::/user.slice" (version 2) or "9:memory:/docker/4f9e" (version 1).
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[1] == "":
			// Inside a container the group's own files lie at the top, whatever it is called outside.
			for _, dir := range []string{path.Join("/sys/fs/cgroup", parts[2]), "/sys/fs/cgroup"} {
				if n, ok := counted(dir+"/memory.events", "oom_kill"); ok {
					return n
				}
			}
		case strings.Contains(","+parts[1]+",", ",memory,"):
			for _, dir := range []string{path.Join("/sys/fs/cgroup/memory", parts[2]), "/sys/fs/cgroup/memory"} {
				if n, ok := counted(dir+"/memory.oom_control", "oom_kill"); ok {
					return n
				}
			}
		}
	}
	n, _ := counted("/proc/vmstat", "oom_kill")
	return n
}

// counted reads one counter of a file of names and numbers.
func counted(file, name string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if fields := strings.Fields(string(line)); len(fields) == 2 && fields[0] == name {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
