package images

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatAKilledBisectLeftIsRemovedOnceItsProgramHasEnded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w, err := newWorkDir()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command("cat")
	program.ExtraFiles = []*os.File{w.lock}
	hold, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.path, "apt.conf"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.lock.Close(); err != nil { // as the kernel does when we are killed
		t.Fatal(err)
	}
	expect := func(when string, want error) {
		t.Helper()
		if err := RemoveLeft(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if _, err := os.Stat(w.path); !errors.Is(err, want) {
			t.Errorf("%s: the folder: %v, want %v", when, err, want)
		}
	}
	grow(t, w.path, time.Hour)
	expect("while the program works", nil)
	if err := errors.Join(hold.Close(), program.Wait()); err != nil {
		t.Fatal(err)
	}
	grow(t, w.path, 0)
	expect("a moment after it was made", nil)
	grow(t, w.path, time.Hour)
	expect("when all are dead", fs.ErrNotExist)
}

func TestWhatIsLeftIsOnlyWhatIsOurs(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	stays := []string{"somebody-else", "bisect-other"}
	for _, name := range append(stays, "bisect-mmdebstrap-1") {
		if err := os.Mkdir(filepath.Join(temp, name), 0o755); err != nil {
			t.Fatal(err)
		}
		grow(t, filepath.Join(temp, name), time.Hour)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(temp, "bisect-mmdebstrap-link")); err != nil {
		t.Fatal(err)
	}
	if err := RemoveLeft(); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(stays, "bisect-mmdebstrap-link") {
		if _, err := os.Lstat(filepath.Join(temp, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(temp, "bisect-mmdebstrap-1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that was never locked: %v", err)
	}
}

// grow makes a folder look as old as that.
func grow(t *testing.T, path string, age time.Duration) {
	t.Helper()
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}
