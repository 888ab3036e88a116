package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

func start(t testing.TB, e *Engine, env ...string) backend.Box {
	t.Helper()
	box, err := e.Start(t.Context(), backend.BoxSpec{Image: image(t, e).Name, Workdir: "/src", Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

func script(t testing.TB, box backend.Box, text string) (string, backend.Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	exit, err := box.Exec(ctx, text, &out)
	if err != nil {
		t.Fatalf("%v\noutput: %q", err, out.String())
	}
	return out.String(), exit
}

// alive reports whether a process runs whose number a script has written.
func alive(t *testing.T, number string) bool {
	t.Helper()
	pid := 0
	if _, err := fmt.Sscan(number, &pid); err != nil {
		t.Fatalf("%q: %v", number, err)
	}
	p, err := readProcess(pid)
	return err == nil && !p.zombie
}

// daemon is a script that starts a process which leaves all behind by which a box's are told, and prints its
// number.
const daemon = `cd /; env -i setsid sh -c 'sleep 601 >/dev/null 2>&1 & echo $!'; :`

func TestADaemonWithoutATraceEndsWithTheLastBox(t *testing.T) {
	e := open(t, noTools{})
	first, second := start(t, e), start(t, e)
	pid, _ := script(t, first, daemon)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	// It may be of either box, so it lives on.
	if !alive(t, pid) {
		t.Error("it was taken for the first box's, which nothing tells")
	}
	if out, exit := script(t, second, "echo alive"); out != "alive\n" || exit.Code != 0 {
		t.Errorf("the other box suffers: %q, %+v", out, exit)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if alive(t, pid) {
		t.Error("it outlives all boxes")
	}
}

// TestChildrenOfBeforeAreSpared has one that left our session, as of a shell that started it and then became
// this program.
func TestChildrenOfBeforeAreSpared(t *testing.T) {
	before := exec.Command("sleep", "604")
	before.SysProcAttr = newSessionOf()
	if err := before.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = before.Process.Kill()
		_ = before.Wait()
	})
	e, err := Open(t.TempDir(), noTools{}, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	box := start(t, e)
	script(t, box, "true")
	if err := errors.Join(box.Close(), e.Close()); err != nil {
		t.Error(err)
	}
	if !alive(t, fmt.Sprint(before.Process.Pid)) {
		t.Error("it was ended")
	}
}

func TestABoxThatIsClosedLeavesOthersAlone(t *testing.T) {
	e := open(t, noTools{})
	other := start(t, e)
	ended := make(chan string)
	go func() {
		out, exit := script(t, other, "setsid sh -c 'sleep 0.5; echo done'; exit 4")
		ended <- fmt.Sprint(out, exit.Code)
	}()
	for range 5 {
		box := start(t, e)
		script(t, box, "sleep 600 & setsid sleep 600 & true")
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := <-ended; got != "done\n4" {
		t.Errorf("got %q", got)
	}
}

func TestOrphansThatEndedDoNotPileUp(t *testing.T) {
	e := open(t, noTools{})
	box := start(t, e)
	script(t, box, `i=0; while [ $i -lt 50 ]; do (sleep 0.01 &); i=$((i+1)); done`)
	var zombies []int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		zombies = nil
		for _, pid := range children(os.Getpid()) {
			if p, err := readProcess(pid); err == nil && p.session != e.sid && pid != e.guard.pid() {
				zombies = append(zombies, pid)
			}
		}
		if len(zombies) == 0 {
			return
		}
	}
	t.Errorf("%d of 50 are still there", len(zombies))
}

func TestAForkBombEndsWithItsBox(t *testing.T) {
	e := open(t, noTools{})
	box := start(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	// Bounded by the test itself: 300 processes that start each other anew, and end by themselves after a
	// while.
	_, err := box.Exec(ctx, `bomb() { [ $(($(date +%s) - began)) -lt 20 ] || exit; sleep 0.02; bomb & }
began=$(date +%s); i=0; while [ $i -lt 300 ]; do bomb & i=$((i+1)); done; wait; sleep 30`, &bytes.Buffer{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if pids := runningFor(t, e.dir.path); len(pids) > 1 { // the watchdog names it in no environment
		t.Errorf("%d of its processes still run", len(pids))
	}
}

func TestTheEnvironmentIsExact(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("SSH_AUTH_SOCK", "/secret")
	e := open(t, noTools{})
	b := start(t, e, "LANG=C", "A=1").(*box)
	out, _ := script(t, b, "cat /proc/self/environ | tr '\\0' '\\n' | grep -v -e ^PWD= -e ^OLDPWD= -e ^SHLVL= -e ^_= | sort")
	want := []string{boxVariable + "=" + b.word, "A=1", "HOME=" + b.home(), "LANG=C", "PATH=" + b.bin() + ":" + strings.Join(e.path, ":"), "TMPDIR=" + b.temp()}
	slices.Sort(want)
	if out != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%swant\n%s", out, strings.Join(want, "\n"))
	}
	out, _ = script(t, start(t, e, "PATH=/usr/bin:/bin", "TMPDIR"), `echo "$PATH ${TMPDIR-unset}"`)
	if !strings.HasSuffix(out, "/bin:/usr/bin:/bin unset\n") {
		t.Errorf("a PATH of the scenario's own: %q", out)
	}
}

func TestAnEnvironmentHasAWordOnlyInOurVariableAndWhole(t *testing.T) {
	for env, want := range map[string]bool{
		boxVariable + "=ab.cd\x00": true, "A=1\x00" + boxVariable + "=ab.cd": true,
		boxVariable + "=ab.cde": false, "X" + boxVariable + "=ab.cd": false, "OLDPWD=ab.cd\x00": false, "X=" + boxVariable + "=ab.cd": false, "": false,
	} {
		if hasWord(strings.Split(env, "\x00"), "ab.cd", "") != want {
			t.Errorf("%q: want %t", env, want)
		}
	}
	if !hasWord([]string{boxVariable + "=ab.cd"}, "ab", ".") || hasWord([]string{boxVariable + "=abc.cd"}, "ab", ".") {
		t.Error("a session is told by another word than its own")
	}
}

// TestStrangersInABoxesFolderAreSpared has processes of the user's own: a shell that looks into the folder of
// a build, and one that came from there.
func TestStrangersInABoxesFolderAreSpared(t *testing.T) {
	e := open(t, noTools{})
	b := start(t, e).(*box)
	var strangers []*exec.Cmd
	for _, cmd := range []*exec.Cmd{exec.Command("sleep", "605"), exec.Command("sleep", "606")} {
		cmd.SysProcAttr = newSessionOf()
		strangers = append(strangers, cmd)
	}
	strangers[0].Dir = b.work()
	strangers[1].Env = []string{"OLDPWD=" + b.work(), "X" + boxVariable + "=" + b.word, boxVariable + "=" + b.word + "x"}
	for _, cmd := range strangers {
		// As a shell starts it that is no child of ours: to this engine it was there before.
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p, err := readProcess(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		e.kept[p.lasting()] = true
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	ours, _ := script(t, b, "env -i setsid sleep 607 >/dev/null 2>&1 & echo $!; :")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	for _, cmd := range strangers {
		if !alive(t, fmt.Sprint(cmd.Process.Pid)) {
			t.Errorf("%v was ended", cmd)
		}
	}
	if alive(t, ours) {
		t.Error("what the build started lives on")
	}
}

func TestAWorkFolderThatTheBuildRemovedIsItsOwnFailure(t *testing.T) {
	b := start(t, open(t, noTools{})).(*box)
	script(t, b, `rm -rf "$PWD"`)
	out, exit := script(t, b, "true")
	if exit.Code != 127 || !strings.Contains(out, "the build has removed or closed it") {
		t.Errorf("got %+v, %q", exit, out)
	}
	if err := b.Get(t.Context(), "out", &bytes.Buffer{}); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("its artifacts: %v", err)
	}
}

func TestFoldersNestedDeeperThanPathsAndDescriptorsGoAreRemoved(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	})
	b := start(t, open(t, noTools{})).(*box)
	// 51 levels at a time, 1,000 in all, with files on the way and a folder that is closed.
	script(t, b, `p=a/a/a/a/a/a/a/a/a/a; p=$p/$p/$p/$p/$p; mkdir top
i=0; while [ $i -lt 20 ]; do mkdir -p $p/d; echo x >$p/f; mv top $p/a; mv a top; i=$((i+1)); done; mkdir -p top/closed/in; chmod 555 top/closed`)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if exists(b.dir) {
		t.Error("it is still there")
	}
}

func TestCountersAreReadByTheirName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.events")
	if err := os.WriteFile(file, []byte("low 0\noom 3\noom_kill 2\noom_group_kill 9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, ok := counted(file, "oom_kill"); n != 2 || !ok {
		t.Errorf("got %d, %t", n, ok)
	}
	if n, ok := counted(file, "absent"); ok {
		t.Errorf("an absent counter: got %d", n)
	}
}
