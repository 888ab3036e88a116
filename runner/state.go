package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"buildbisect/bisect/report"

	"github.com/gofrs/flock"
)

// State is the folder of one run: journal.jsonl, trials/<id>/log, report.json. It has one writer.
type State struct {
	Dir     string
	journal *os.File
	lock    *flock.Flock
}

// record is one line of the journal. The journal is only appended to: one line before a trial, one after it.
type record struct {
	Type string `json:"type"` // run, good, start, end, cancel or stop

	// run; good: the commit found where none was given
	Version      int    `json:"version,omitempty"`
	Mark         string `json:"mark,omitempty"` // of this run in an engine: labels, container names and $BISECT_TRIAL begin with it
	Scenario     string `json:"scenario,omitempty"`
	ScenarioHash string `json:"scenario-hash,omitempty"` // sha256 of the file
	Good         string `json:"good,omitempty"`
	Bad          string `json:"bad,omitempty"`
	Time         string `json:"time,omitempty"` // RFC 3339

	// start, end, cancel
	Trial  *report.Trial `json:"trial,omitempty"`
	Stages []StageRun    `json:"stages,omitempty"`
	Lines  []string      `json:"lines,omitempty"`
	Line   string        `json:"line,omitempty"`

	// cancel, stop
	Cause string `json:"cause,omitempty"` // why the trial, or the run, ended early
}

// JournalVersion is the version of the journal's records.
const JournalVersion = 1

// NewState makes the folder for a new run below root, which gets a .gitignore of its own, and takes its lock.
func NewState(root, name string) (*State, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("state folder: %w; name another with --state", err)
	}
	ignore := filepath.Join(root, ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
			return nil, fmt.Errorf("state folder: %w; name another with --state", err)
		}
	}
	dir := filepath.Join(root, name)
	for i := 2; ; i++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("state folder: %w", err)
		}
		dir = filepath.Join(root, fmt.Sprintf("%s-%d", name, i))
	}
	s := &State{Dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	held, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("state folder %s: lock: %w", dir, err)
	}
	if !held {
		return nil, fmt.Errorf("state folder %s: another bisect writes to it; name another with --state", dir)
	}
	s.journal, err = os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state folder: %w", err), s.Close())
	}
	return s, nil
}

// append writes one record and waits until it is on the disk.
func (s *State) append(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err = s.journal.Write(append(line, '\n')); err == nil {
		err = s.journal.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal %s: %w; make room and run again", s.journal.Name(), err)
	}
	return nil
}

// logPath is where a trial's log stands, relative to the run's folder.
func logPath(id int) string { return filepath.Join("trials", strconv.Itoa(id), "log") }

// createLog makes the log file of a trial. A trial that is tried again after an infrastructure failure starts over; the logs
// of its failed attempts stay beside it, as log.1 and so on.
func (s *State) createLog(id, attempt int) (*os.File, error) {
	path := filepath.Join(s.Dir, logPath(id))
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && attempt > 0 {
		err = os.Rename(path, fmt.Sprintf("%s.%d", path, attempt))
	}
	if err == nil {
		var f *os.File
		if f, err = os.Create(path); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("log of trial %d: %w; make room and run again", id, err)
}

// SaveReport writes report.json, whole or not at all.
func (s *State) SaveReport(r *report.Report) error {
	path := filepath.Join(s.Dir, "report.json")
	f, err := os.CreateTemp(s.Dir, ".report-*")
	if err != nil {
		return fmt.Errorf("report: %w; make room and run again", err)
	}
	err = r.JSON(f)
	if err == nil {
		err = f.Chmod(0o644) // CI reads it as another user
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("report: %w; make room and run again", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Close lets go of the folder.
func (s *State) Close() error {
	var err error
	if s.journal != nil {
		err = s.journal.Close()
	}
	return errors.Join(err, s.lock.Close())
}
