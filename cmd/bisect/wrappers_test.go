package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Programs that scripts put before a command. They hand on its output and exit status; wrapperFailed is their own.
const wrapperFailed = 99

// interruptedMain sends a signal to a command once a trial of its run has printed "hanging", and wants it to end within
// 3 s of that: `interrupted INT|TERM COMMAND [ARG...]`.
func interruptedMain() {
	signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[os.Args[1]]
	cmd := wrapped(os.Args[2:])
	check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	deadline := time.Now().Add(60 * time.Second)
	for !hanging() {
		select {
		case err := <-ended:
			check(fmt.Errorf("%s ended before it was interrupted: %v", os.Args[2], err))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			check(errors.New("no trial got as far as to hang"))
		}
	}
	begin := time.Now()
	check(cmd.Process.Signal(signal))
	select {
	case err := <-ended:
		endAs(err)
	case <-time.After(3 * time.Second):
		_ = cmd.Process.Kill()
		check(fmt.Errorf("still running %s after SIG%s", time.Since(begin).Round(time.Millisecond), os.Args[1]))
	}
}

// hanging reports whether a trial in the state folder here has printed that word.
func hanging() bool {
	logs, err := filepath.Glob(".bisect/*/trials/*/log")
	check(err)
	for _, log := range logs {
		text, err := os.ReadFile(log)
		check(err)
		if strings.Contains(string(text), "hanging") {
			return true
		}
	}
	return false
}

// measuredMain says on stderr how much memory a command had at its peak: `measured COMMAND [ARG...]`.
func measuredMain() {
	cmd := wrapped(os.Args[1:])
	err := cmd.Run()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		size := "small"
		if usage.Maxrss >= 200<<10 { // KiB
			size = "large"
		}
		fmt.Fprintf(os.Stderr, "peak memory is %s: %d MB\n", size, usage.Maxrss>>10)
	}
	endAs(err)
}

// unprivilegedMain runs a command as nobody, if this is root: `unprivileged COMMAND [ARG...]`.
func unprivilegedMain() {
	const nobody = 65534
	cmd := wrapped(os.Args[1:])
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	endAs(cmd.Run())
}

func wrapped(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

func endAs(err error) {
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(ended.ExitCode())
	}
	check(err)
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(wrapperFailed)
	}
}

// canMount reports whether a process here may have file systems of its own.
func canMount() bool { return exec.Command("unshare", unshareFlag(), "true").Run() == nil }

// unshareFlag makes unshare(1) give a process its own mounts. An ordinary user must be root of a namespace for it.
func unshareFlag() string {
	if os.Geteuid() == 0 {
		return "-m"
	}
	return "-rm"
}
