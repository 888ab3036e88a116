package main

import (
	"buildbisect/runner/journal"
	"buildbisect/runner/session"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ownRun is the record of a run that this user began on this machine. It lies in the user's cache, and not in
// the run's folder, which a repository may bring along: going on with a run is to do what it says. Its key
// seals the run's journal, so that a folder may be moved or copied, but what stands in it has been written by
// this user's bisect alone.
type ownRun struct {
	Mark     string    `json:"mark"`
	Key      []byte    `json:"key"`
	Dir      string    `json:"dir"` // absolute
	Scenario string    `json:"scenario"`
	Hash     string    `json:"hash"` // of the scenario's file
	Runner   string    `json:"runner"`
	Begun    time.Time `json:"begun"`
}

// forgotten is how long a record is kept of a run whose folder is no longer where it was: it may have been
// moved.
const forgotten = 30 * 24 * time.Hour

func ownRunsDir(cache string) string { return filepath.Join(cache, "runs") }

func ownRunFile(cache, mark string) string { return filepath.Join(ownRunsDir(cache), mark+".json") }

// recordRun writes down that this user begins a run, and has its journal sealed.
func (s *job) recordRun(state *journal.State, o runOptions) error {
	dir, err := filepath.Abs(state.Dir)
	if err != nil {
		return err
	}
	r := ownRun{
		Mark: s.lab.Run, Key: make([]byte, 32), Dir: dir, Scenario: s.scenario.Name, Hash: s.scenario.Hash, Runner: o.parts.runner,
		Begun: time.Now().UTC().Truncate(time.Second),
	}
	rand.Read(r.Key) // never fails
	if err := r.write(s.cache); err != nil {
		s.progress.warn(fmt.Sprintf("that this run is yours cannot be written down: %v; bisect resume will want --foreign for it", err))
		return nil
	}
	forgetRuns(s.cache, time.Now())
	return state.Seal(r.Key)
}

// write makes the record, or replaces it, whole or not at all. Nobody else may read its key.
func (r ownRun) write(cache string) error {
	if err := os.MkdirAll(ownRunsDir(cache), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(ownRunsDir(cache), ".run-") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), ownRunFile(cache, r.Mark))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// readOwnRun reads the record of the run of that mark; nil: this user has none.
func readOwnRun(cache, mark string) *ownRun {
	if !session.IsMark(mark) { // it comes from the run's folder
		return nil
	}
	return readRecord(ownRunFile(cache, mark), mark)
}

// readRecord reads a record that is as this user's bisect writes it.
func readRecord(file, mark string) *ownRun {
	for _, path := range []string{filepath.Dir(file), file} {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink != 0 || info.Mode().Perm()&0o077 != 0 {
			return nil
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			return nil
		}
	}
	text, err := os.ReadFile(file)
	var r ownRun
	if err != nil || json.Unmarshal(text, &r) != nil || r.Mark != mark || len(r.Key) < 32 {
		return nil
	}
	return &r
}

// ownRunIn is the record of the run in dir, if this user began it on this machine: its journal is sealed with
// the key in the record.
func ownRunIn(cache, dir string) (*ownRun, error) {
	records, err := journal.Read(dir)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, errors.New("it was ended before it had begun: there is nothing to go on with; begin anew with bisect run")
	}
	r := readOwnRun(cache, records[0].Run.Mark)
	if r == nil {
		return nil, nil
	}
	sealed, err := journal.SealedWith(dir, r.Key)
	if err != nil || !sealed {
		return nil, err
	}
	return r, nil
}

// moved notes where the run's folder is by now.
func (r *ownRun) moved(cache, dir string) error {
	now, err := filepath.Abs(dir)
	if err != nil || now == r.Dir {
		return err
	}
	r.Dir = now
	return r.write(cache)
}

// forgetRuns removes the records of runs whose folders are gone, and not just moved, as far as can be told.
func forgetRuns(cache string, now time.Time) {
	files, err := filepath.Glob(filepath.Join(ownRunsDir(cache), "*.json"))
	if err != nil {
		return
	}
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || now.Sub(info.ModTime()) < forgotten {
			continue
		}
		r := readRecord(file, strings.TrimSuffix(filepath.Base(file), ".json"))
		if r == nil {
			continue
		}
		if _, err := os.Lstat(r.Dir); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(file) // it costs nothing where it stays
		}
	}
}

// foreignRun says that a run was not begun by this user on this machine, and what can be done.
func foreignRun(dir string) error {
	return usageError{fmt.Sprintf("run %s: you have not begun it on this machine, as far as the cache knows: its folder may have come with the repository, from another machine or from an older bisect, "+
		"or a file in it was changed; begin anew with bisect run, or go on with it under the rules of --untrusted: bisect resume --foreign %[1]s", dir)}
}
