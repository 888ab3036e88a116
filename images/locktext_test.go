package images

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestALockIsAFileOfItsFolderAndShowsNothingOfOthers(t *testing.T) {
	dir := t.TempDir()
	const secret = "root:$6$verysecret:19000"
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(lock string) error{
		"a link out":       func(lock string) error { return os.Symlink("../outside", lock) },
		"an absolute link": func(lock string) error { return os.Symlink(filepath.Join(dir, "outside"), lock) },
		"a link through a link": func(lock string) error {
			return errors.Join(os.Symlink("..", filepath.Dir(lock)+"/up"), os.Symlink("up/outside", lock))
		},
		"a named pipe": func(lock string) error { return syscall.Mkfifo(lock, 0o600) },
		"a device":     func(lock string) error { return os.Symlink("/dev/zero", lock) },
		"a folder":     func(lock string) error { return os.Mkdir(lock, 0o755) },
		"without end": func(lock string) error {
			return errors.Join(os.WriteFile(lock, nil, 0o600), os.Truncate(lock, 10<<30))
		},
	} {
		own := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.Mkdir(own, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := make(filepath.Join(own, LockName)); err != nil {
			t.Fatal(err)
		}
		if l, err := LockBeside(own); err == nil || l != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	if _, err := LockText(filepath.Join(dir, LockName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}
