package scenarios

import (
	"slices"
	"strings"

	"buildbisect/scenarios/document"
)

// Resources bound one trial. They are limits, not wishes: a trial that goes beyond one ends as a skip, with
// the reason. In a scenario that was decoded those with a default are never zero. Zero: CPUs and memory are
// the worker's share of the engine's.
type Resources struct {
	CPUs      float64
	Memory    int64 // bytes
	PIDs      int64 // processes and threads at a time
	Disk      int64 // bytes written in the box, its work folder included
	Log       int64 // bytes of the trial's log
	Artifacts int64 // bytes of all artifacts of the trial
}

// DefaultResources are those of a scenario that names none. They are far above what builds take, and far
// below what takes a machine down.
func DefaultResources() Resources {
	return Resources{PIDs: 4096, Disk: 20 << 30, Log: 1 << 30, Artifacts: 1 << 30}
}

const (
	leastMemory = 6 << 20 // what Docker gives a container at the least, in bytes
	leastDisk   = 1 << 20
	leastLog    = 4 << 10
)

func readResources(m *document.Mapping) Resources {
	r := DefaultResources()
	r.CPUs = m.At("cpus").Amount()
	if n, ok := m.At("pids").Count(1); ok {
		r.PIDs = int64(n)
	}
	for _, size := range []struct {
		key   string
		least int64
		value *int64
	}{
		{"memory", leastMemory, &r.Memory},
		{"disk", leastDisk, &r.Disk},
		{"log", leastLog, &r.Log},
		{"artifacts", leastLog, &r.Artifacts},
	} {
		if v, ok := m.At(size.key).Size(size.least); ok {
			*size.value = v
		}
	}
	return r
}

// DefaultCapabilities are those that every box has: what root needs to build, to unpack archives and
// packages, and to become another user, all within files and processes of the box's own. Of those that Docker
// gives by default, a build does without NET_RAW and NET_BIND_SERVICE (a network of one's own has sysctls for
// both), MKNOD, SYS_CHROOT, SETPCAP, SETFCAP and AUDIT_WRITE, which reach beyond: devices, or the machine's
// audit log.
func DefaultCapabilities() []string {
	return []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"}
}

// capabilities names what Linux has, as capabilities(7) lists it, without CAP_.
func capabilities() []string {
	return []string{
		"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
		"DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN",
		"MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID",
		"SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT",
		"SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
	}
}

// asRoot are capabilities that let a build do to the machine, or read of it, what root can.
var asRoot = []string{
	"BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "PERFMON", "SYSLOG", "SYS_ADMIN",
	"SYS_BOOT", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME",
}

// readCapabilities reads which a box has beside the default ones.
func readCapabilities(p document.Place) []string {
	elements, ok := p.List()
	if ok && len(elements) == 0 {
		p.Mistake("want at least one capability; leave capabilities out for the default ones: %s", strings.Join(DefaultCapabilities(), ", "))
	}
	var all []string
	for _, element := range elements {
		name, ok := element.Line()
		plain := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		known := slices.Contains(capabilities(), plain)
		switch {
		case !ok:
		case known && plain != name:
			element.Mistake("write %s", plain)
		case plain == "ALL":
			element.Mistake("all capabilities are as good as root on the machine; name those that the build needs")
		case !known:
			hint := "see capabilities(7) for their names, and leave CAP_ out"
			if word := document.Nearest(plain, capabilities()); word != "" {
				hint = "did you mean " + word + "?"
			}
			element.Mistake("%q is no capability of Linux; %s", document.Short(name), hint)
		case slices.Contains(DefaultCapabilities(), name):
			element.Mistake("every box has %s; leave it out", name)
		case slices.Contains(all, name):
			element.Mistake("%s stands twice", name)
		default:
			all = append(all, name)
		}
	}
	return all
}
