package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images/cache"
	"buildbisect/runner/ownruns"
)

// journalFile is what makes a folder that of a run.
const journalFile = "journal.jsonl"

// runFolders lists the folders of runs in .bisect, the newest first. Links are none: a repository may bring
// them along.
func runFolders() (dirs []string, err error) {
	if err := realState(defaultState); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(defaultState)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries { // their names begin with the time
		if dir := filepath.Join(defaultState, e.Name()); e.IsDir() && isRun(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Reverse(dirs)
	if len(dirs) == 0 {
		return nil, usageError{"no run in " + defaultState + "; name the folder of one, or begin one with bisect run"}
	}
	return dirs, nil
}

func isRun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, journalFile))
	return err == nil
}

// realState refuses a folder of runs that no user named and that is a link, or anything else but a folder.
func realState(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		return usageError{fmt.Sprintf("%s is no folder of its own here (%v), and bisect follows no link there: see who made it, and remove it, or name another folder with --state", dir, info.Mode().Type())}
	}
	return nil
}

// newestRun is the newest run in .bisect.
func newestRun() (string, error) {
	dirs, err := runFolders()
	if err != nil {
		return "", err
	}
	return dirs[0], nil
}

// newestOwnRun is the newest run in .bisect that this user began on this machine. Others are passed over with
// a word.
func newestOwnRun(cache string, p *screen.Progress) (string, error) {
	dirs, err := runFolders()
	if err != nil {
		return "", err
	}
	for _, dir := range dirs {
		own, err := ownruns.In(cache, dir)
		switch {
		case own != nil:
			return dir, nil
		case err != nil:
			p.Warn(fmt.Sprintf("passing over %s: %v", dir, err))
		default:
			p.Warn(fmt.Sprintf("passing over %s: you have not begun it on this machine; to go on with it all the same: bisect resume --foreign %[1]s", dir))
		}
	}
	return "", usageError{"no run in " + defaultState + " that you began on this machine; begin one with bisect run, or name one with --foreign"}
}

// namedRun is the folder of a run that a user names.
func namedRun(dir string) (string, error) {
	for _, at := range []string{filepath.Clean(dir), filepath.Join(defaultState, dir)} {
		if !isRun(at) {
			continue
		}
		if above := filepath.Dir(at); filepath.Base(above) == defaultState {
			if err := realState(above); err != nil {
				return "", err
			}
		}
		return at, nil
	}
	return "", usageError{fmt.Sprintf("run %s: no %s there; want the folder of a run, as bisect run says it", dir, journalFile)}
}

// findOwnRun is the run in dir, or the newest ("") in .bisect, which this user must have begun on this
// machine: what its folder says is run.
func findOwnRun(dir string, p *screen.Progress) (string, error) {
	cache, err := cache.Default()
	if err != nil {
		return "", err
	}
	if dir == "" {
		return newestOwnRun(cache, p)
	}
	if dir, err = namedRun(dir); err != nil {
		return "", err
	}
	own, err := ownruns.In(cache, dir)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", dir, err)
	}
	if own == nil {
		return "", foreignRun(dir)
	}
	return dir, nil
}

// foreignRun says that a run was not begun by this user on this machine, and what can be done.
func foreignRun(dir string) error {
	return usageError{fmt.Sprintf("run %s: you have not begun it on this machine, as far as the cache knows: its folder may have come with the repository, from another machine or from an older bisect, "+
		"or a file in it was changed; begin anew with bisect run, or go on with it under the rules of --untrusted: bisect resume --foreign %[1]s", dir)}
}
