package workdir

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
	for _, prefix := range []string{Mmdebstrap, Apt, Git} {
		t.Run(prefix, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			d, err := New(prefix)
			if err != nil {
				t.Fatal(err)
			}
			program := exec.Command("cat")
			d.Hand(program)
			hold, err := program.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(d.Path, "apt.conf"), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			expect := func(when string, want error) {
				t.Helper()
				if err := RemoveLeft(); err != nil {
					t.Errorf("%s: %v", when, err)
				}
				if _, err := os.Stat(d.Path); !errors.Is(err, want) {
					t.Errorf("%s: the folder: %v, want %v", when, err, want)
				}
			}
			grow(t, d.Path, time.Hour)
			expect("while both live", nil)
			if err := d.lock.Close(); err != nil { // as the kernel does when we are killed
				t.Fatal(err)
			}
			expect("while the program works", nil)
			if err := errors.Join(hold.Close(), program.Wait()); err != nil {
				t.Fatal(err)
			}
			grow(t, d.Path, 0)
			expect("a moment after it was made", nil)
			grow(t, d.Path, time.Hour)
			expect("when all are dead", fs.ErrNotExist)
		})
	}
}

func TestWhatIsLeftIsOnlyWhatIsOurs(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	stays := []string{"somebody-else", "bisect-other"}
	goes := []string{Mmdebstrap + "1", Apt + "1"}
	for _, name := range append(stays, goes...) {
		if err := os.Mkdir(filepath.Join(temp, name), 0o755); err != nil {
			t.Fatal(err)
		}
		grow(t, filepath.Join(temp, name), time.Hour)
	}
	for _, prefix := range []string{Mmdebstrap, Apt, Git} {
		if err := os.Symlink(t.TempDir(), filepath.Join(temp, prefix+"link")); err != nil {
			t.Fatal(err)
		}
		stays = append(stays, prefix+"link")
	}
	if err := RemoveLeft(); err != nil {
		t.Fatal(err)
	}
	for _, name := range stays {
		if _, err := os.Lstat(filepath.Join(temp, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range goes {
		if _, err := os.Stat(filepath.Join(temp, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, which was never locked: %v", name, err)
		}
	}
}

// Settings of apt hold passwords of proxies.
func TestOnlyItsUserEntersAFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d, err := New(Apt)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.Path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); len(left) > 0 || err != nil {
		t.Errorf("%v, %v", left, err)
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
