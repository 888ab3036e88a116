// Package ownruns remembers which runs this user began on this machine.
package ownruns

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"buildbisect/runner/journal"
	"buildbisect/runner/session"
)

// Run is the record of a run that this user began on this machine. It lies in the user's cache, and not in
// the run's folder, which a repository may bring along: going on with a run is to do what it says. Its key
// seals the run's journal, so that a folder may be moved or copied, but what stands in it has been written by
// this user's bisect alone.
type Run struct {
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

func folder(cache string) string { return filepath.Join(cache, "runs") }

func fileOf(cache, mark string) string { return filepath.Join(folder(cache), mark+".json") }

// Begin writes down that this user begins r, and returns the key that is to seal its journal.
func Begin(cache string, r Run) (key []byte, err error) {
	r.Key = make([]byte, 32)
	rand.Read(r.Key) // never fails
	if err := r.write(cache); err != nil {
		return nil, err
	}
	forget(cache, time.Now())
	return r.Key, nil
}

// write makes the record, or replaces it, whole or not at all. Nobody else may read its key.
func (r Run) write(cache string) error {
	if err := os.MkdirAll(folder(cache), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(folder(cache), ".run-") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), fileOf(cache, r.Mark))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// read reads the record of the run of that mark; nil: this user has none.
func read(cache, mark string) *Run {
	if !session.IsMark(mark) { // it comes from the run's folder
		return nil
	}
	return readRecord(fileOf(cache, mark), mark)
}

// readRecord reads a record that is as this user's bisect writes it.
func readRecord(file, mark string) *Run {
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
	var r Run
	if err != nil || json.Unmarshal(text, &r) != nil || r.Mark != mark || len(r.Key) < 32 {
		return nil
	}
	return &r
}

// In is the record of the run in dir, if this user began it on this machine: its journal is sealed with
// the key in the record.
func In(cache, dir string) (*Run, error) {
	records, err := journal.Read(dir)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, errors.New("it was ended before it had begun: there is nothing to go on with; begin anew with bisect run")
	}
	r := read(cache, records[0].Run.Mark)
	if r == nil {
		return nil, nil
	}
	sealed, err := journal.SealedWith(dir, r.Key)
	if err != nil || !sealed {
		return nil, err
	}
	return r, nil
}

// Moved notes where the run's folder is by now.
func (r *Run) Moved(cache, dir string) error {
	now, err := filepath.Abs(dir)
	if err != nil || now == r.Dir {
		return err
	}
	r.Dir = now
	return r.write(cache)
}

// forget removes the records of runs whose folders are gone, and not just moved, as far as can be told.
func forget(cache string, now time.Time) {
	files, err := filepath.Glob(filepath.Join(folder(cache), "*.json"))
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
