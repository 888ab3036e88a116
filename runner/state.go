package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/images"

	"github.com/gofrs/flock"
)

// State is the folder of one run: journal.jsonl, trials/<id>/log, report.json, the scenario as it was and the lock of what served.
// It has one writer. The journal is the state; all else can be made again from it, or is only there to be looked at.
type State struct {
	Dir     string
	Past    []Record // what the journal held when it was opened
	journal journal
	lock    *flock.Flock
	parts   int // in the lock of what served, as it was last saved; -1: it was not
}

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
			return nil, fmt.Errorf("state folder: %w; name another with --state", err)
		}
		dir = filepath.Join(root, fmt.Sprintf("%s-%d", name, i))
	}
	s := &State{Dir: dir, parts: -1}
	if err := s.own(); err != nil {
		return nil, err
	}
	var err error
	s.journal.file, err = os.OpenFile(filepath.Join(dir, journalName), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(syncDir(dir), syncDir(root))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state folder: %w", err), s.Close())
	}
	return s, nil
}

// OpenState takes the lock of a run's folder and reads its journal, to go on with it.
func OpenState(dir string) (*State, error) {
	path := filepath.Join(dir, journalName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("run %s: %w: want the folder of a run, as bisect run says it", dir, err)
	}
	s := &State{Dir: dir, parts: -1}
	if err := s.own(); err != nil {
		return nil, err
	}
	if err := s.openJournal(path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *State) openJournal(path string) (err error) {
	if s.journal.file, err = os.OpenFile(path, os.O_APPEND|os.O_RDWR, 0); err != nil {
		return fmt.Errorf("run %s: %w; its folder must be one that can be written to: copy it, or mend that", s.Dir, err)
	}
	p, err := readJournal(s.journal.file, path)
	if err != nil {
		return err
	}
	// Behind what is sound lies at most half a line, which the next one must not be glued to.
	if err = s.journal.file.Truncate(p.size); err == nil {
		err = s.journal.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal %s: %w", path, err)
	}
	if len(p.records) == 0 {
		return fmt.Errorf("run %s: it was ended before it had begun: there is nothing to go on with; begin anew with bisect run", s.Dir)
	}
	s.Past, s.journal.sum, s.journal.size = p.records, p.sum, p.size
	return nil
}

// writer says who holds a lock.
type writer struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// own takes the folder's lock.
func (s *State) own() error {
	path := filepath.Join(s.Dir, "lock")
	s.lock = flock.New(path)
	held, err := s.lock.TryLock()
	if err != nil {
		return fmt.Errorf("run %s: lock: %w; its folder must be one that can be written to: copy it, or mend that", s.Dir, err)
	}
	if !held {
		who := "another bisect"
		var w writer
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &w) == nil {
			who = fmt.Sprintf("the bisect with process id %d on %s, since %s,", w.PID, w.Host, w.Since.Local().Format(time.DateTime))
		}
		return fmt.Errorf("run %s: %s is at work on it; wait until it ends, or end it", s.Dir, who)
	}
	host, _ := os.Hostname()
	data, err := json.Marshal(writer{host, os.Getpid(), time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("run %s: lock: %w; its folder must be one that can be written to, with room", s.Dir, err), s.lock.Close())
	}
	return nil
}

// Next says how to go on with a run that ended early.
func (s *State) Next() string { return s.journal.next() }

// logPath is where a trial's log stands, relative to the run's folder.
func logPath(id int) string { return filepath.Join("trials", strconv.Itoa(id), "log") }

// Artifacts is the folder for what a trial's build made.
func (s *State) Artifacts(id int) string {
	return filepath.Join(s.Dir, "trials", strconv.Itoa(id), "artifacts")
}

// createLog makes the log file of a trial. One that is built again, since the engine failed or bisect was killed, starts over; the
// logs of its attempts that came to nothing stay beside it, as log.1 and so on.
func (s *State) createLog(id int) (*os.File, error) {
	f, err := s.newLog(filepath.Join(s.Dir, logPath(id)))
	if err == nil {
		err = os.RemoveAll(s.Artifacts(id))
	}
	if err != nil {
		return nil, fmt.Errorf("log of trial %d: %w; make room, then %s", id, err, s.journal.next())
	}
	return f, nil
}

func (s *State) newLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		n := 1
		for ; ; n++ {
			if _, err := os.Lstat(fmt.Sprintf("%s.%d", path, n)); errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, n)); err != nil {
			return nil, err
		}
	}
	return os.Create(path)
}

// scriptPath is where the script stands that builds a trial again, relative to the run's folder.
func scriptPath(id int) string { return filepath.Join("trials", strconv.Itoa(id), "reproduce.sh") }

// saveScript writes that script.
func (s *State) saveScript(id int, text string) error {
	err := s.save(scriptPath(id), func(f *os.File) error { _, err := f.WriteString(text); return err })
	if err != nil {
		return fmt.Errorf("script of trial %d: %w; make room, then %s", id, err, s.journal.next())
	}
	return nil
}

// SaveReport writes report.json.
func (s *State) SaveReport(r *report.Report) error {
	err := s.save("report.json", func(f *os.File) error { return r.JSON(f) })
	if err != nil {
		return fmt.Errorf("report: %w; make room, then %s", err, s.journal.next())
	}
	return nil
}

// Keep puts a copy of what the run was begun with into the folder, to show in what it was changed since.
func (s *State) Keep(name string, text []byte) error {
	if err := s.save(name, func(f *os.File) error { _, err := f.Write(text); return err }); err != nil {
		return fmt.Errorf("run %s: keep a copy of %s: %w; make room, or name another folder with --state", s.Dir, name, err)
	}
	return nil
}

// Kept is what was kept.
func (s *State) Kept(name string) ([]byte, error) { return os.ReadFile(filepath.Join(s.Dir, name)) }

// saveParts keeps the lock of what served until now: a resumed run builds with the same. It keeps an empty one, too, as where a build
// on this machine is given no tools: that one is gone says that somebody removed it.
func (s *State) saveParts(l *images.Lock) error {
	n := len(l.Bases) + len(l.Tools)
	if n == s.parts {
		return nil
	}
	text, err := l.Text()
	if err == nil {
		err = s.save(images.LockName, func(f *os.File) error { _, err := f.Write(text); return err })
	}
	if err != nil {
		return fmt.Errorf("lock of run %s: %w; make room, then %s", s.Dir, err, s.journal.next())
	}
	s.parts = n
	return nil
}

// Parts is the lock of what served until now; nil where none was kept.
func (s *State) Parts() (*images.Lock, error) { return images.LockBeside(s.Dir) }

// save writes a file of the folder, whole or not at all.
func (s *State) save(name string, write func(*os.File) error) error {
	path := filepath.Join(s.Dir, name)
	f, err := os.Create(path + ".new") // one writer: what a crash leaves is written over
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(s.Dir)
}

// syncDir makes sure that what was named in a folder is named there after a loss of power, where the file system can do that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// Close lets go of the folder. Doing it again does nothing.
func (s *State) Close() error {
	var err error
	if s.journal.file != nil {
		err = s.journal.file.Close()
		s.journal.file = nil
	}
	return errors.Join(err, s.lock.Close())
}
