package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// TestMain is the program itself for the tests that kill it.
func TestMain(m *testing.M) {
	if cache := os.Getenv("BISECT_LOCAL_TEST_CACHE"); cache != "" {
		killMe(cache)
	}
	os.Exit(m.Run())
}

// killMe runs a build that does not end, and says on standard output what was started.
func killMe(cache string) {
	e, err := Open(cache, noTools{}, func(string) {})
	if err == nil {
		var i *images.Image
		if i, err = e.Image(context.Background(), catalogue.Spec{}); err == nil {
			var b backend.Box
			if b, err = e.Start(context.Background(), backend.BoxSpec{Image: i.Name, Workdir: "/src"}); err == nil {
				_, err = b.Exec(context.Background(), `trap '' TERM HUP INT
mkdir closed; echo x >closed/in; chmod 555 closed
sleep 602 & echo $!; setsid sleep 602 & echo $!
(cd /; env -i setsid sleep 602 & echo $!)
echo $$; sleep 602`, os.Stdout)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// killed starts a process that runs a build and kills it with SIGKILL; pids are the build's processes.
func killed(t *testing.T, cache string) (pids []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "BISECT_LOCAL_TEST_CACHE="+cache)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 100)
	for strings.Count(string(buf), "\n") < 4 {
		n, err := out.Read(buf[len(buf):cap(buf)])
		if err != nil {
			t.Fatalf("%v after %q", err, buf)
		}
		buf = buf[:len(buf)+n]
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	return strings.Fields(string(buf))
}

func TestKilledTheProgramLeavesNothingRunningForLong(t *testing.T) {
	cache := t.TempDir()
	pids := killed(t, cache)
	t.Cleanup(func() { // one that the watchdog cannot know: it left its session, its environment, its parents and its folder behind
		var pid int
		if _, err := fmt.Sscan(pids[2], &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	deadline := time.Now().Add(10 * time.Second)
	for _, pid := range []string{pids[0], pids[1], pids[3]} {
		for alive(t, pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %s of %q still runs", pid, pids)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for {
		list, err := os.ReadDir(filepath.Join(cache, "local"))
		if err == nil && len(list) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("its folder is left: %v, %v", list, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTheNextStartRemovesWhatADeadOneLeftAndNothingOfTheLiving(t *testing.T) {
	cache := t.TempDir()
	living, err := Open(cache, noTools{}, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	box := start(t, living)
	// As a watchdog leaves it that was killed, too: a folder whose lock is free, with a process of it.
	dead := filepath.Join(cache, "local", "dead")
	if err := os.MkdirAll(filepath.Join(dead, "box", "closed"), 0o755); err != nil {
		t.Fatal(err)
	}
	orphan := exec.Command("sleep", "603")
	orphan.Env, orphan.SysProcAttr = []string{boxVariable + "=dead.box"}, newSessionOf()
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dead, "box", "closed"), 0o555); err != nil {
		t.Fatal(err)
	}
	var told []string
	next, err := Open(cache, noTools{}, func(text string) { told = append(told, text) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	if state, _ := orphan.Process.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("its process ended as %v", state)
	}
	if len(told) != 1 || !strings.Contains(told[0], dead) || !strings.Contains(told[0], "1 of their processes") {
		t.Errorf("said %q", told)
	}
	if out, exit := script(t, box, "echo alive"); out != "alive\n" || exit.Code != 0 {
		t.Errorf("the living suffers: %q, %+v", out, exit)
	}
	if err := errors.Join(next.Close(), box.Close(), living.Close()); err != nil {
		t.Error(err)
	}
}
