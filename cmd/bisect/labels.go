package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"buildbisect/runner/docker"
)

// sweepTime bounds the removal of what a run may have left.
const sweepTime = 30 * time.Second

// owner tells whose something is: of which session of which run, and of which process on which machine. What a system does not
// tell of itself stays empty. All of it stands on every container and volume, and in the session's lease.
type owner struct {
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
	labelSession = docker.LabelSession
	labelHost    = "org.buildbisect.host"
	labelMachine = "org.buildbisect.machine"
	labelBoot    = "org.buildbisect.boot"
	labelPIDs    = "org.buildbisect.pid-namespace"
	labelPID     = "org.buildbisect.pid"
	labelStart   = "org.buildbisect.pid-start"
	labelLease   = "org.buildbisect.lease"
)

func (o owner) labels() map[string]string {
	labels := map[string]string{
		docker.LabelRun: o.Run, labelSession: o.Session, labelHost: o.Host, labelMachine: o.Machine, labelBoot: o.Boot, labelPIDs: o.PIDs,
		labelPID: strconv.Itoa(o.PID), labelStart: o.Start, labelLease: o.Lease,
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// ownerOf reads labels back. What is no number is no process.
func ownerOf(labels map[string]string) owner {
	pid, _ := strconv.Atoi(labels[labelPID])
	return owner{
		Run: labels[docker.LabelRun], Session: labels[labelSession], Host: labels[labelHost], Machine: labels[labelMachine],
		Boot: labels[labelBoot], PIDs: labels[labelPIDs], PID: pid, Start: labels[labelStart], Lease: labels[labelLease],
	}
}

// here is this process, as the owner of nothing yet.
func here() owner {
	o := owner{PID: os.Getpid(), Machine: machine()}
	o.Host, _ = os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	o.Boot = strings.TrimSpace(string(boot))
	// A /proc of other processes than those that we number, as unshare(1) may leave it, tells nothing of ours.
	if self, err := os.Readlink("/proc/self"); err == nil && self == strconv.Itoa(o.PID) {
		o.PIDs, _ = os.Readlink("/proc/self/ns/pid")
		_, o.Start, _ = processStat(o.PID)
	}
	return o
}

// machine is derived from the machine's id, which is not for others to read: labels go to an engine that may be far away.
func machine() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(id))) == 0 {
		return ""
	}
	sum := hmac.New(sha256.New, []byte(strings.TrimSpace(string(id))))
	sum.Write([]byte(docker.LabelOwner))
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// processStat reads the state of a process, such as R, or Z for one that is dead and only not yet waited for, and when it started.
func processStat(pid int) (state, start string, err error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", "", err
	}
	// The second field, in parentheses, may hold anything; the state is field 3, the start time field 22.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", "", errors.New("not as Linux writes it")
	}
	return fields[0], fields[19], nil
}

// process is what can be seen of a process from here.
type process int

const (
	processUnseen process = iota
	processRuns
	processGone
)

// look looks for the process of o, whose numbers must mean the same as ours. One of the same id that started at another time is
// not it. The ids of processes that /proc hides from us are told by kill(2) all the same.
func (o owner) look() process {
	if o.PID <= 0 || o.Start == "" {
		return processUnseen
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
	return processUnseen
}
