package docker

import (
	"slices"

	"github.com/moby/moby/api/types/container"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// What lies in this file keeps code that nobody has read from doing harm beyond its box. The kernel is
// shared: a hole in it is a way out, and only an engine with user namespaces, or in a virtual machine, stands
// behind this: see [Info.Isolation].

// harden takes from a container what a build does not need. Docker's own profile of seccomp and its masks
// over /proc and /sys stay as they are; that /proc/sys, /sys and the control groups are read-only is the
// engine's default, too.
func harden(h *container.HostConfig, capabilities []string) {
	h.CapDrop, h.CapAdd = []string{"ALL"}, capabilities
	h.SecurityOpt = []string{"no-new-privileges"}
	h.IpcMode = container.IPCModePrivate
	h.LogConfig = shortLog
}

// capabilities are those of a box.
func capabilities(spec backend.BoxSpec) []string {
	all := append(scenarios.DefaultCapabilities(), spec.Capabilities...)
	slices.Sort(all)
	return slices.Compact(all)
}

// shortLog keeps the words of a container's first process, which say why an image has no shell that runs.
// "none" would lose them. A build can write there, too, through /proc/1/fd/1, and without an end: hence a log
// of our own choice and a bounded one, whatever the engine's default.
var shortLog = container.LogConfig{Type: "local", Config: map[string]string{"max-size": "256k", "max-file": "1", "compress": "false"}}

// limit sets what holds for each container of a box. Where control groups cannot do it, the engine only
// warns: see [Info.Unlimited].
func limit(h *container.HostConfig, spec backend.BoxSpec) {
	h.Resources.NanoCPUs = int64(spec.CPUs * 1e9)
	h.Resources.Memory = spec.Memory
	h.Resources.MemorySwap = spec.Memory // memory and swap together: no swap
	if spec.PIDs > 0 {
		h.Resources.PidsLimit = &spec.PIDs
	}
	// A core of a process that died is not part of what was built, and fills the disk.
	h.Resources.Ulimits = append(h.Resources.Ulimits, &container.Ulimit{Name: "core"})
	if spec.Disk > 0 {
		// For one file, at once and by the kernel; the sum is watched: see diskwatch.go.
		h.Resources.Ulimits = append(h.Resources.Ulimits, &container.Ulimit{Name: "fsize", Soft: spec.Disk, Hard: spec.Disk})
	}
}
