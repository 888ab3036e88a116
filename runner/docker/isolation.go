package docker

import "strings"

// Isolation says in plain words, a few each, what stands between a build and the machine beyond what every
// box has: what the engine was set up with, or lacks. A box cannot choose any of it.
func (e *Engine) Isolation() []string { return e.info.Isolation() }

// Isolation is what [Engine.Isolation] says. Its order is fixed.
func (i Info) Isolation() []string {
	var said []string
	switch {
	case i.Rootless():
		said = append(said, "the engine runs without root")
	case i.UserNamespace():
		said = append(said, "root in a build is nobody on the machine (user namespaces)")
	default:
		said = append(said, "root in a build is root's uid on the machine (no user namespaces)")
	}
	switch {
	case !i.has("seccomp"), i.Seccomp == "unconfined":
		said = append(said, "no seccomp, so every system call")
	case i.Seccomp == "default", i.Seccomp == "builtin":
		said = append(said, "Docker's seccomp profile")
	default:
		said = append(said, "the seccomp profile "+i.Seccomp)
	}
	switch {
	case i.has("apparmor") && i.has("selinux"):
		said = append(said, "AppArmor and SELinux")
	case i.has("apparmor"):
		said = append(said, "AppArmor")
	case i.has("selinux"):
		said = append(said, "SELinux")
	default:
		said = append(said, "neither AppArmor nor SELinux")
	}
	if i.Cgroups != "" {
		said = append(said, "control groups "+i.Cgroups)
	}
	if len(i.Unlimited) > 0 {
		said = append(said, "no limit on "+strings.Join(i.Unlimited, ", ")+", which this engine cannot set")
	}
	return said
}
