package session

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestALeaseIsHeldUntilItsSessionEnds(t *testing.T) {
	cache := t.TempDir()
	l, err := TakeLease(cache, "b234567abcd", "engine-1", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	l.NoteState("state")
	if got := leaseStateOf(l.Owner.Lease); got != leaseHeld {
		t.Errorf("while it lives: %v", got)
	}
	all, err := leasesIn(cache)
	text := all[l.Owner.Session]
	if err != nil || len(all) != 1 || text.Owner != l.Owner || text.Engine != "engine-1" || !filepath.IsAbs(text.State) {
		t.Errorf("got %+v, %v", all, err)
	}
	if err := l.End(false); err != nil {
		t.Fatal(err)
	}
	if got := leaseStateOf(l.Owner.Lease); got != leaseFree {
		t.Errorf("ended with something left: %v", got)
	}
	if l, err = TakeLease(cache, "b234567abcd", "engine-1", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := l.End(true); err != nil {
		t.Fatal(err)
	}
	if got := leaseStateOf(l.Owner.Lease); got != leaseMissing {
		t.Errorf("ended with nothing left: %v", got)
	}
}

func TestTwoSessionsOfOneRunHaveALeaseEach(t *testing.T) {
	cache := t.TempDir()
	for range 2 {
		l, err := TakeLease(cache, "b234567abcd", "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.End(true); err != nil {
				t.Error(err)
			}
		}()
	}
	if all, err := leasesIn(cache); err != nil || len(all) != 2 {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestWhatIsNoLeaseIsNotTakenForOne(t *testing.T) {
	cache := t.TempDir()
	dir := leasesDir(cache)
	for name, text := range map[string]string{
		"empty":     "",
		"torn":      `{"run":"b234567abcd","sess`,
		"other":     `{"run":"b234567abcd","session":"another"}`,
		".unborn":   `{"run":"b234567abcd","session":".unborn"}`,
		"good":      `{"run":"b234567abcd","session":"good"}` + "\n" + `{"state":"/x`,
		"text":      "hello",
		"dir/inner": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := leasesIn(cache)
	if err != nil || len(all) != 1 || all["good"].Run != "b234567abcd" {
		t.Errorf("got %+v, %v", all, err)
	}
	for path, want := range map[string]leaseState{"": leaseUnknown, dir: leaseUnknown, filepath.Join(dir, "none"): leaseMissing, filepath.Join(dir, "torn"): leaseFree} {
		if got := leaseStateOf(path); got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("to look at a lease has made it")
	}
}

func TestACacheThatCannotBeWrittenToIsNoReasonNotToStart(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	cache := t.TempDir()
	if err := os.Chmod(cache, 0o555); err != nil {
		t.Fatal(err)
	}
	l, err := TakeLease(cache, "b234567abcd", "", time.Now())
	if err != nil || l.Owner.Lease != "" || l.End(true) != nil {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestAProcessIsKnownByItsStartToo(t *testing.T) {
	me := Here()
	if me.Start == "" {
		t.Skip("no /proc")
	}
	if got := me.process(); got != processRuns {
		t.Errorf("this process: %v", got)
	}
	me.Start += "1"
	if got := me.process(); got != processGone {
		t.Errorf("another that had its id before: %v", got)
	}
	if got := (Owner{PID: me.PID}).process(); got != processUnknown {
		t.Errorf("one of which no start is known: %v", got)
	}

	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := Owner{PID: cmd.Process.Pid}
	var err error
	if _, child.Start, err = processStat(child.PID); err != nil {
		t.Fatal(err)
	}
	if got := child.process(); got != processRuns {
		t.Errorf("a child: %v", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Not waited for, it is still in the list of processes.
	for deadline := time.Now().Add(10 * time.Second); child.process() != processGone; {
		if time.Now().After(deadline) {
			t.Fatal("a child that is dead and not waited for counts as running")
		}
	}
	if state, _, _ := processStat(child.PID); state != "Z" {
		t.Errorf("its state is %q", state)
	}
	_ = cmd.Wait()
	if got := child.process(); got != processGone {
		t.Errorf("after that: %v", got)
	}
}
