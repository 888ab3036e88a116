package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"buildbisect/runner/docker"
)

// sweepTime bounds the removal of what a run may have left.
const sweepTime = 30 * time.Second

// labels says on every container whose it is, so that one of a dead process can be told from one of a living: host, process,
// and the time that process started, since process ids come back.
func labels(run string) map[string]string {
	host, _ := os.Hostname()
	return map[string]string{
		docker.LabelRun:             run,
		"org.buildbisect.host":      host,
		"org.buildbisect.pid":       strconv.Itoa(os.Getpid()),
		"org.buildbisect.pid-start": processStart(),
	}
}

// processStart is when this process started, in clock ticks since the machine did; empty where there is no /proc.
func processStart() string {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return ""
	}
	// The second field, in parentheses, may hold anything; the start time is field 22.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}
