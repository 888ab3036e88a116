package scenarios

import (
	"slices"
	"strings"
)

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
func readCapabilities(p place) []string {
	elements, ok := p.list()
	if ok && len(elements) == 0 {
		p.mistake("want at least one capability; leave capabilities out for the default ones: %s", strings.Join(DefaultCapabilities(), ", "))
	}
	var all []string
	for _, element := range elements {
		name, ok := element.line()
		plain := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		known := slices.Contains(capabilities(), plain)
		switch {
		case !ok:
		case known && plain != name:
			element.mistake("write %s", plain)
		case plain == "ALL":
			element.mistake("all capabilities are as good as root on the machine; name those that the build needs")
		case !known:
			hint := "see capabilities(7) for their names, and leave CAP_ out"
			if word := nearest(plain, capabilities()); word != "" {
				hint = "did you mean " + word + "?"
			}
			element.mistake("%q is no capability of Linux; %s", short(name), hint)
		case slices.Contains(DefaultCapabilities(), name):
			element.mistake("every box has %s; leave it out", name)
		case slices.Contains(all, name):
			element.mistake("%s stands twice", name)
		default:
			all = append(all, name)
		}
	}
	return all
}
