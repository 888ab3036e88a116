package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"

	"buildbisect/runner/backend"
)

// Owner tells whose a resource is: of which session of which run, and of which process on which machine. What
// a system does not tell of itself stays empty. All of it stands on every container and volume, and in the
// session's lease.
type Owner struct {
	Run     string `json:"run,omitempty"`     // mark of the run; one that is resumed keeps it
	Session string `json:"session,omitempty"` // begins with the mark, and is unlike that of any other process
	Host    string `json:"host,omitempty"`    // name
	Machine string `json:"machine,omitempty"` // of /etc/machine-id, whoever may share the name
	Boot    string `json:"boot,omitempty"`    // of the running kernel: containers on one machine share it
	PIDs    string `json:"pids,omitempty"`    // the namespace in which PID means something
	PID     int    `json:"pid,omitempty"`
	Start   string `json:"pid-start,omitempty"` // clock ticks since the machine did: process ids come back
	Lease   string `json:"lease,omitempty"`     // path of its lease, on its own machine
}

// Keys of the labels, beside those of package docker.
const (
	labelHost    = "org.buildbisect.host"
	labelMachine = "org.buildbisect.machine"
	labelBoot    = "org.buildbisect.boot"
	labelPIDs    = "org.buildbisect.pid-namespace"
	labelPID     = "org.buildbisect.pid"
	labelStart   = "org.buildbisect.pid-start"
	labelLease   = "org.buildbisect.lease"
)

func (o Owner) Labels() map[string]string {
	labels := map[string]string{
		backend.LabelRun: o.Run, backend.LabelSession: o.Session, labelHost: o.Host, labelMachine: o.Machine, labelBoot: o.Boot, labelPIDs: o.PIDs,
		labelPID: strconv.Itoa(o.PID), labelStart: o.Start, labelLease: o.Lease,
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// ownerOf reads labels back. What is no number is no process.
func ownerOf(labels map[string]string) Owner {
	pid, _ := strconv.Atoi(labels[labelPID])
	return Owner{
		Run: labels[backend.LabelRun], Session: labels[backend.LabelSession], Host: labels[labelHost], Machine: labels[labelMachine],
		Boot: labels[labelBoot], PIDs: labels[labelPIDs], PID: pid, Start: labels[labelStart], Lease: labels[labelLease],
	}
}

// Here is this process, as the owner of nothing yet.
func Here() Owner {
	o := Owner{PID: os.Getpid(), Machine: machine()}
	o.Host, _ = os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	o.Boot = strings.TrimSpace(string(boot))
	// A /proc of other processes than those that we number, as unshare(1) may leave it, tells nothing of
	// ours.
	if self, err := os.Readlink("/proc/self"); err == nil && self == strconv.Itoa(o.PID) {
		o.PIDs, _ = os.Readlink("/proc/self/ns/pid")
		_, o.Start, _ = processStat(o.PID)
	}
	return o
}

// machine is derived from the machine's id, which is not for others to read: labels go to an engine that may
// be far away.
func machine() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(id))) == 0 {
		return ""
	}
	sum := hmac.New(sha256.New, []byte(strings.TrimSpace(string(id))))
	sum.Write([]byte(backend.LabelOwner))
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// processState is what can be seen of a process from here.
type processState int

const (
	processUnknown processState = iota
	processRuns
	processGone
)

// process looks for the process of o, whose numbers must mean the same as ours. One of the same id that
// started at another time is not it. The ids of processes that /proc hides from us are told by kill(2) all
// the same.
func (o Owner) process() processState {
	if o.PID <= 0 || o.Start == "" {
		return processUnknown
	}
	state, start, err := processStat(o.PID)
	switch {
	case err == nil && start == o.Start && state != "Z" && state != "X":
		return processRuns
	case err == nil:
		return processGone
	case errors.Is(syscall.Kill(o.PID, 0), syscall.ESRCH):
		return processGone
	}
	return processUnknown
}

// processStat is the state of a process, such as R, or Z for one that is dead and not yet waited for, and
// when it started.
func processStat(pid int) (state, start string, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return "", "", err
	}
	stat, err := p.Stat()
	return stat.State, strconv.FormatUint(stat.Starttime, 10), err
}

// NewMark names a run: short, since it stands in image tags, and unlike any other.
func NewMark() string { return "b" + strings.ToLower(rand.Text()[:10]) }
