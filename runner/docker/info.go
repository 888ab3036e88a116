package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// Info is what an engine says of itself.
type Info struct {
	ID            string   // unlike that of any other engine
	Host          string   // where it was reached
	Version       string   // e.g. 20.10.24
	APIVersion    string   // the highest it speaks
	MinAPIVersion string   // the lowest it accepts from a client, e.g. 1.12, or 1.44 from engine 29 on
	Architecture  string   // x86_64, aarch64
	System        string   // e.g. Debian GNU/Linux 12 (bookworm)
	StorageDriver string   // overlay2, fuse-overlayfs, vfs
	CPUs          int      //
	Memory        int64    // bytes
	Security      []string // names of its security options: seccomp, apparmor, selinux, rootless, userns, cgroupns
	Seccomp       string   // the profile in force: default or builtin for Docker's own, unconfined for none, else a path
	Cgroups       string   // version of the control groups: 1 or 2; "" from engines that do not say
	Unlimited     []string // what boxes cannot be limited in, of memory, cpus and processes: rootless engines under control groups of version 1

	containerd bool // images live in containerd's store, where an image's id is not its config's digest
}

// Rootless reports whether the engine runs without root.
func (i Info) Rootless() bool { return i.has("rootless") }

// UserNamespace reports whether the engine maps users of boxes to others (userns-remap): a setting of the
// engine's, which a box cannot choose.
func (i Info) UserNamespace() bool { return i.has("userns") }

func (i Info) has(option string) bool {
	for _, s := range i.Security {
		if s == option {
			return true
		}
	}
	return false
}

// cpus is as much of a limit as the engine can set: it refuses a container with more processors than it has,
// or with any limit where it has no means for one.
func (i Info) cpus(limit float64) float64 {
	if slices.Contains(i.Unlimited, unlimitedCPUs) {
		return 0
	}
	if i.CPUs == 0 {
		return limit // it does not say
	}
	return min(limit, float64(i.CPUs))
}

const unlimitedCPUs = "cpus"

// Info is what the engine said of itself when we connected.
func (e *Engine) Info() Info { return e.info }

func ask(ctx context.Context, cli *client.Client) (Info, error) {
	ctx, cancel := within(ctx, callDeadline)
	defer cancel()
	version, err := cli.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("ask its version with API %s: %w", cli.ClientVersion(), err)
	}
	answer, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("ask its properties: %w", err)
	}
	said := answer.Info
	info := Info{
		ID: said.ID, Host: cli.DaemonHost(), Version: version.Version, APIVersion: version.APIVersion, MinAPIVersion: version.MinAPIVersion,
		Architecture: said.Architecture, System: said.OperatingSystem, StorageDriver: said.Driver, CPUs: said.NCPU, Memory: said.MemTotal,
		Cgroups: said.CgroupVersion,
	}
	for _, option := range said.SecurityOptions {
		// As in "name=seccomp,profile=default".
		name, more, _ := strings.Cut(strings.TrimPrefix(option, "name="), ",")
		info.Security = append(info.Security, name)
		if name == "seccomp" {
			info.Seccomp = strings.TrimPrefix(more, "profile=")
		}
	}
	for _, limit := range []struct {
		works bool
		what  string
	}{{said.MemoryLimit, "memory"}, {said.CPUCfsQuota, unlimitedCPUs}, {said.PidsLimit, "processes"}} {
		if !limit.works {
			info.Unlimited = append(info.Unlimited, limit.what)
		}
	}
	for _, status := range said.DriverStatus {
		if status[0] == "driver-type" && strings.HasPrefix(status[1], "io.containerd.snapshotter") {
			info.containerd = true
		}
	}
	return info, nil
}

// socketPath is where the engine's own socket lies on the engine's machine: only the engine resolves it.
func socketPath(host string, info Info) string {
	path, local := strings.CutPrefix(host, "unix://")
	// Docker Desktop's engine lives in a virtual machine, where our path means nothing.
	if !local || info.System == "Docker Desktop" {
		return "/var/run/docker.sock"
	}
	return path
}
