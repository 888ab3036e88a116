package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// holdName is the file of a cache that everybody who uses the cache locks, shared; who removes from it, for
// himself alone.
const holdName = "using.lock"

// holdFile may be read, and so locked, by whoever may read the cache.
func holdFile(dir string) *flock.Flock {
	return flock.New(filepath.Join(dir, holdName), flock.SetPermissions(0o644))
}

// Hold keeps a cache as it is: until release is called, or the process ends, nothing is pruned from it. While
// another process is pruning, it waits, and say is told so.
func Hold(ctx context.Context, dir string, say func(string)) (release func(), err error) {
	err = os.MkdirAll(dir, 0o755)
	l := holdFile(dir)
	var ok bool
	if err == nil {
		ok, err = l.TryRLock()
	}
	if err == nil && !ok {
		say("waiting for another process that prunes the cache")
		_, err = l.TryRLockContext(ctx, 200*time.Millisecond)
	}
	switch {
	case err == nil:
		return func() { l.Close() }, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return func() {}, nil // a cache that we cannot write to serves all the same
	}
	return nil, Dir{dir}.Failed(err)
}

// InUseError says that a cache is held, and by whom as far as that is known.
type InUseError struct {
	Dir string
	By  []string
}

func (e *InUseError) Error() string {
	who := "another process"
	if len(e.By) > 0 {
		who = strings.Join(e.By, ", ")
	}
	return fmt.Sprintf("cache %s is in use by %s; wait for it, or stop it", e.Dir, who)
}

// holdAlone locks the cache against everybody else, at once or not at all.
func (c Dir) holdAlone() (release func(), err error) {
	l := holdFile(c.Root)
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if !ok {
		return nil, &InUseError{c.Root, holders(l.Path())}
	}
	return func() { l.Close() }, nil
}

// holders names the processes that have file locked, as far as this system tells: on Linux, those that we may
// see.
func holders(file string) []string {
	info, err := os.Stat(file)
	if err != nil {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	dev := uint64(stat.Dev)
	major, minor := dev>>8&0xfff|dev>>32&^0xfff, dev&0xff|dev>>12&^0xff
	place := fmt.Sprintf("%02x:%02x:%d", major, minor, stat.Ino)
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	var all []string
	for line := range strings.Lines(string(locks)) {
		// As in "3: FLOCK  ADVISORY  READ  4711 fe:01:1234 0 EOF".
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || f[5] != place {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err != nil || pid <= 0 {
			continue
		}
		who := "process " + f[4]
		if args, err := os.ReadFile("/proc/" + f[4] + "/cmdline"); err == nil && len(args) > 0 {
			words := strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")
			who += " (" + strings.Join(append([]string{filepath.Base(words[0])}, words[1:]...), " ") + ")"
		}
		if !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}
