package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"buildbisect/bisect/report"
	"buildbisect/images"
)

// State is the folder of one run: journal.jsonl, trials/<id>/log, report.json, the scenario as it was and the
// lock of what served. It has one writer. The journal is the state; all else can be made again from it, or is
// only there to be looked at. Nothing in the folder is believed to be what it should: see folder.
type State struct {
	Dir     string
	records []Record // what the journal held when it was opened
	lines   past     // the same, as it was written
	at      folder   // Dir, wherever that is by now
	journal journal
	lock    *flock.Flock
	parts   int // in the lock of what served, as it was last saved; -1: it was not
}

// NewState makes the folder for a new run below root, which gets a .gitignore of its own, and takes its lock.
// Root may be a link: a user who names it knows where it leads.
func NewState(root, name string) (_ *State, err error) {
	failed := func(err error) (*State, error) {
		return nil, fmt.Errorf("state folder: %w; name another with --state", err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return failed(err)
	}
	runs, err := os.OpenRoot(root)
	if err != nil {
		return failed(err)
	}
	defer runs.Close()
	if err := ignore(runs); err != nil {
		return failed(err)
	}
	dir := name
	for i := 2; ; i++ {
		err := runs.Mkdir(dir, 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return failed(err)
		}
		dir = fmt.Sprintf("%s-%d", name, i)
	}
	s := &State{Dir: filepath.Join(root, dir), parts: -1}
	if s.at, err = openFolder(s.Dir); err != nil {
		return failed(err)
	}
	if err := s.own(); err != nil {
		return nil, errors.Join(err, s.at.root.Close())
	}
	s.journal.file, err = s.at.root.OpenFile(journalName, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(s.at.sync(), folder{runs}.sync())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state folder: %w", err), s.Close())
	}
	return s, nil
}

// ignore has git leave a folder of runs alone. Whatever has that name already stays, and is not written to: a
// link would lead elsewhere.
func ignore(runs *os.Root) error {
	f, err := runs.OpenFile(".gitignore", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("*\n")
	return errors.Join(err, f.Close())
}

// OpenState takes the lock of a run's folder and reads its journal, to go on with it.
func OpenState(dir string) (*State, error) {
	s := &State{Dir: dir, parts: -1}
	var err error
	if s.at, err = openFolder(dir); err != nil {
		return nil, s.unusable(err)
	}
	if _, err := s.at.root.Lstat(journalName); err != nil {
		return nil, errors.Join(fmt.Errorf("run %s: %w: want the folder of a run, as bisect run says it", dir, err), s.at.root.Close())
	}
	if err := s.own(); err != nil {
		return nil, errors.Join(err, s.at.root.Close())
	}
	if err := s.openJournal(filepath.Join(dir, journalName)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// unusable says what to do about a folder that cannot be worked in.
func (s *State) unusable(err error) error {
	if _, planted := errors.AsType[*PlantedError](err); planted {
		return fmt.Errorf("run %s: %w", s.Dir, err)
	}
	return fmt.Errorf("run %s: %w; its folder must be one that can be written to: copy it, or mend that", s.Dir, err)
}

func (s *State) openJournal(path string) (err error) {
	if s.journal.file, err = s.at.open(journalName, os.O_APPEND|os.O_RDWR); err != nil {
		return s.unusable(err)
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
	s.records, s.lines, s.journal.sum, s.journal.size = p.records, p, p.sum, p.size
	return nil
}

// writer says who holds a lock.
type writer struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// lockFile is held by the one who writes to the folder, and says who that is.
const lockFile = "lock"

// own takes the folder's lock.
func (s *State) own() error {
	if f, err := s.at.open(lockFile, os.O_RDWR); err == nil {
		f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s.unusable(err)
	}
	s.lock = flock.New(filepath.Join(s.Dir, lockFile), flock.SetFlag(os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK), flock.SetPermissions(0o644))
	held, err := s.lock.TryLock()
	if err != nil {
		return s.unusable(fmt.Errorf("lock: %w", err))
	}
	if !held {
		who := "another bisect"
		var w writer
		if data, err := s.at.read(lockFile, 4<<10); err == nil && json.Unmarshal(data, &w) == nil {
			who = fmt.Sprintf("the bisect with process id %d on %s, since %s,", w.PID, w.Host, w.Since.Local().Format(time.DateTime))
		}
		return fmt.Errorf("run %s: %s is at work on it; wait until it ends, or end it", s.Dir, who)
	}
	if err := s.sign(); err != nil {
		return errors.Join(fmt.Errorf("run %s: lock: %w; its folder must be one that can be written to, with room", s.Dir, err), s.lock.Close())
	}
	return nil
}

// sign writes into the lock who holds it.
func (s *State) sign() error {
	host, _ := os.Hostname()
	data, err := json.Marshal(writer{host, os.Getpid(), time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	f, err := s.at.open(lockFile, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Records are what the journal held when it was opened; none: the run is new.
func (s *State) Records() []Record { return s.records }

// Next says how to go on with a run that ended early.
func (s *State) Next() string { return s.journal.next() }

// LogPath is where a trial's log stands, relative to the run's folder.
func LogPath(id int) string { return path.Join("trials", strconv.Itoa(id), "log") }

// artifactsFolder lies beside a trial's log.
const artifactsFolder = "artifacts"

// Artifacts is the folder for what a trial's build made.
func (s *State) Artifacts(id int) string {
	return filepath.Join(s.Dir, "trials", strconv.Itoa(id), artifactsFolder)
}

// CreateLog makes the log file of a trial. One that is built again, since the engine failed or bisect was
// killed, starts over; the logs of its attempts that came to nothing stay beside it, as log.1 and so on.
func (s *State) CreateLog(id int) (*os.File, error) {
	f, err := s.newLog(LogPath(id))
	if err == nil {
		if err = s.at.removeAll(path.Join(path.Dir(LogPath(id)), artifactsFolder)); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("log of trial %d: %w; make room, then %s", id, err, s.journal.next())
	}
	return f, nil
}

func (s *State) newLog(name string) (*os.File, error) {
	if err := s.at.mkdirAll(path.Dir(name)); err != nil {
		return nil, err
	}
	if _, err := s.at.root.Lstat(name); err == nil {
		n := 1
		for ; ; n++ {
			if _, err := s.at.root.Lstat(fmt.Sprintf("%s.%d", name, n)); errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if err := s.at.root.Rename(name, fmt.Sprintf("%s.%d", name, n)); err != nil {
			return nil, err
		}
	}
	return s.at.create(name)
}

// ScriptPath is where the script stands that builds a trial again, relative to the run's folder.
func ScriptPath(id int) string { return filepath.Join("trials", strconv.Itoa(id), "reproduce.sh") }

// SaveScript writes that script. No run needs it to go on, so that no trial waits for the disk.
func (s *State) SaveScript(id int, text string) error {
	err := s.replace(ScriptPath(id), false, func(f *os.File) error { _, err := f.WriteString(text); return err })
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
func (s *State) Kept(name string) ([]byte, error) { return s.at.read(name, mostKept) }

// mostKept is the size of a file in the folder that is read as a whole, in bytes: a scenario or a lock.
const mostKept = 16 << 20

// SaveParts keeps the lock of what served until now: a resumed run builds with the same. It keeps an empty
// one, too, as where a build on this machine is given no tools: that one is gone says that somebody removed
// it.
func (s *State) SaveParts(l *images.Lock) error {
	n := len(l.Bases) + len(l.Tools)
	if n == s.parts {
		return nil
	}
	text, err := l.Text()
	if err == nil {
		if s.journal.key != nil {
			text = append(text, s.sealText(text)...)
		}
		err = s.save(images.LockName, func(f *os.File) error { _, err := f.Write(text); return err })
	}
	if err != nil {
		return fmt.Errorf("lock of run %s: %w; make room, then %s", s.Dir, err, s.journal.next())
	}
	s.parts = n
	return nil
}

// Parts is the lock of what served until now; nil where none was kept.
func (s *State) Parts() (*images.Lock, error) {
	text, err := s.at.read(images.LockName, mostKept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = s.unsealText(text)
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: its %s: %w", s.Dir, images.LockName, err)
	}
	l, err := images.ParseLock(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(s.Dir, images.LockName), err)
	}
	return l, nil
}

// save writes a file of the folder, whole or not at all, and to the disk.
func (s *State) save(name string, write func(*os.File) error) error {
	return s.replace(name, true, write)
}

// replace is save, but that only what is durable is waited for.
func (s *State) replace(name string, durable bool, write func(*os.File) error) error {
	fresh := name + ".new" // one writer: what a crash leaves is written over
	f, err := s.at.create(fresh)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil && durable {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = s.at.root.Rename(fresh, name)
	}
	if err != nil {
		return errors.Join(err, s.at.root.Remove(fresh))
	}
	if !durable {
		return nil
	}
	return s.at.sync()
}

// Close lets go of the folder. Doing it again does nothing.
func (s *State) Close() error {
	var err error
	if s.journal.file != nil {
		err = s.journal.file.Close()
		s.journal.file = nil
	}
	return errors.Join(err, s.lock.Close(), s.at.root.Close())
}
