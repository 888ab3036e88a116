package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Programs that scripts put before a command. They hand on its output and exit status; wrapperFailed is their
// own.
const wrapperFailed = 99

// interruptedMain sends a signal to a command once a trial of its run has printed "hanging", and wants it to
// end within 3 s of that: `interrupted INT|TERM COMMAND [ARG...]`.
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

// interruptedAnytimeMain runs a command again and again and interrupts it, each time a little later:
// `interrupted-anytime COMMAND [ARG...]`. BISECT_INTERRUPTS sets how often; the process ids go to file pids,
// for nothing-left.
func interruptedAnytimeMain() {
	times, err := strconv.Atoi(os.Getenv("BISECT_INTERRUPTS"))
	if err != nil {
		times = 6
	}
	pids, err := os.Create("pids")
	check(err)
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
	for i := range times {
		cmd := wrapped(os.Args[1:])
		started := make(spoke)
		cmd.Stderr = io.MultiWriter(os.Stderr, started)
		check(cmd.Start())
		_, err := fmt.Fprintln(pids, cmd.Process.Pid)
		check(err)
		<-started
		// Not to wait for something: the moments are spread over two seconds, from finding the engine to the
		// third trial.
		time.Sleep(time.Duration(i) * 2 * time.Second / time.Duration(times))
		_ = cmd.Process.Signal(signals[i%len(signals)])
		err = cmd.Wait()
		if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() != 130 {
			check(fmt.Errorf("run %d, interrupted by %s: %w", i+1, signals[i%len(signals)], err))
		}
	}
	check(pids.Close())
}

// spoke is closed by the first write to it.
type spoke chan struct{}

func (s spoke) Write(p []byte) (int, error) {
	select {
	case <-s:
	default:
		close(s)
	}
	return len(p), nil
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

// elsewhereMain runs bisect as if on another machine: `elsewhere USER ARG...`, with the files of this folder,
// in a folder, with a cache, a home, a host name, a time zone, a language and an umask that are others; and
// if USER is nobody and this is root, as nobody.
func elsewhereMain() {
	program, err := exec.LookPath("bisect")
	check(err)
	dir, err := os.MkdirTemp("/var/tmp", "another-machine-") // a script's own folders are closed to others
	check(err)
	check(errors.Join(os.Chmod(dir, 0o777), os.Mkdir(filepath.Join(dir, "work"), 0o777)))
	files, err := filepath.Glob("*.*")
	check(err)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			text, err := os.ReadFile(file)
			check(errors.Join(err, os.WriteFile(filepath.Join(dir, "work", file), text, 0o644)))
		}
	}
	text, err := os.ReadFile(program)
	check(err)
	program = filepath.Join(dir, "bisect")
	check(os.WriteFile(program, text, 0o755))
	args := []string{"unshare", "--uts"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", `hostname elsewhere && umask 0077 && exec "$@"`, "sh")
	if os.Args[1] == "nobody" && os.Geteuid() == 0 {
		check(exec.Command("chown", "-R", "65534:65534", dir).Run())
		args = append(args, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
	}
	cmd := wrapped(append(append(args, program), os.Args[2:]...))
	cmd.Dir = filepath.Join(dir, "work")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "HOME="+dir, "TMPDIR="+dir, "TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8")
	err = cmd.Run()
	check(exec.Command("rm", "-rf", dir).Run())
	endAs(err)
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

// unshareFlag makes unshare(1) give a process its own mounts. An ordinary user must be root of a namespace
// for it.
func unshareFlag() string {
	if os.Geteuid() == 0 {
		return "-m"
	}
	return "-rm"
}
