package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
	"buildbisect/scenarios"
)

// Types of records.
const (
	RecordRun     = "run"     // the first of a journal: what was asked for
	RecordResume  = "resume"  // another process goes on
	RecordGood    = "good"    // a good commit was found where none was given
	RecordStart   = "start"   // before a trial
	RecordEnd     = "end"     // after it
	RecordCancel  = "cancel"  // it ended without a verdict
	RecordCertify = "certify" // the time for the certificate is over
	RecordStop    = "stop"    // the run ended early
	RecordDone    = "done"    // it came to an end, and the report is written
)

// Record is one line of a journal.
type Record struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`

	Run    *Begun         `json:"run,omitempty"`    // run
	Good   string         `json:"good,omitempty"`   // good: the commit
	Trial  *report.Trial  `json:"trial,omitempty"`  // start, end, cancel
	Stages []lab.StageRun `json:"stages,omitempty"` // end
	Lines  []string       `json:"lines,omitempty"`  // end: that matched the signature
	Line   string         `json:"line,omitempty"`   // end: the normalized one of a failure without the signature
	Notes  []string       `json:"notes,omitempty"`  // end: what the reader of the report should know since
	Cause  string         `json:"cause,omitempty"`  // cancel, stop: why; done: the outcome and what it means

	Options map[string]string `json:"options,omitempty"` // resume: flags that were given anew
}

// whole reports whether a record has what its type promises.
func (r Record) whole() bool {
	switch r.Type {
	case RecordRun:
		return r.Run != nil
	case RecordStart, RecordEnd, RecordCancel:
		return r.Trial != nil
	}
	return r.Type != ""
}

// Begun is what a run was asked for: what a resumed one must be asked for as well.
type Begun struct {
	Version  int               `json:"version"`        // of the journal
	Mark     string            `json:"mark"`           // of this run in an engine: container names and $BISECT_TRIAL begin with it
	Scenario string            `json:"scenario"`       // its name
	File     string            `json:"file"`           // as the user named it
	Folder   string            `json:"folder"`         // in which they did
	Hash     string            `json:"hash"`           // sha256 of that file
	Lock     string            `json:"lock,omitempty"` // sha256 of the lock beside it, where there is one
	Good     string            `json:"good,omitempty"` // "": to be looked for
	Bad      string            `json:"bad"`
	Options  map[string]string `json:"options,omitempty"` // flags that were given
	Machine  string            `json:"machine,omitempty"` // where the runner has no isolation: what stands for the base
	Skips    string            `json:"skips,omitempty"`   // doubted: builds that were skipped are tried again; "": of a bisect that did not
}

// SkipsDoubted is what [Begun].Skips says since skips are tried again.
const SkipsDoubted = "doubted"

// Version is the version of the journal's records.
const Version = 2

// journalName is the journal's file in a run's folder.
const journalName = "journal.jsonl"

// CorruptError says that a journal is damaged somewhere but at its end, where a crash may leave half a line.
type CorruptError struct {
	Path string
	Line int
	Why  string
}

func (e *CorruptError) Error() string {
	sound := "; the lines before it are sound"
	if e.Line == 1 {
		sound = ""
	}
	return fmt.Sprintf("%s:%d: %s%s: put back a copy of the file, or begin anew with bisect run", e.Path, e.Line, e.Why, sound)
}

// A journal is only appended to. Each line ends in a checksum of itself and of all lines before it, so that
// none can change, go or move unnoticed.
type journal struct {
	file   *os.File
	size   int64 // that is sound
	sum    uint32
	key    []byte // seals each line; nil: none is sealed
	seal   []byte // of the last line
	broken error  // why nothing more can be written to it: what came after half a line would be lost with it
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the last member of a line; %08x is its sum.
const checksum = `,"crc":"%08x"}`

// append writes one record and waits until it is on the disk.
func (j *journal) append(r Record) error {
	if j.broken != nil {
		return j.broken
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	seal := j.seal
	if j.key != nil {
		seal = sealOf(j.key, j.seal, sha256.Sum256(line))
		line = fmt.Appendf(line[:len(line)-1], sealMember, seal)
	}
	sum := crc32.Update(j.sum, castagnoli, line)
	line = append(fmt.Appendf(line[:len(line)-1], checksum, sum), '\n')
	if _, err = j.file.Write(line); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		_ = j.file.Truncate(j.size) // else who reads it next does
		j.broken = fmt.Errorf("journal %s: %w; make room, then %s", j.file.Name(), err, j.next())
		return j.broken
	}
	j.sum, j.seal, j.size = sum, seal, j.size+int64(len(line))
	return nil
}

// next says how to go on once there is room: a run of which nothing was written has not begun.
func (j *journal) next() string {
	if j.size == 0 {
		return "run again"
	}
	return "go on with: bisect resume " + filepath.Dir(j.file.Name())
}

// verify reads one line, without its line feed, whose predecessors sum up to sum.
func verify(line []byte, sum uint32) (r Record, s sealed, _ uint32, err error) {
	rest := len(line) - len(`,"crc":"00000000"}`)
	if rest < 1 {
		return r, s, sum, errors.New("no record")
	}
	body := append(bytes.Clone(line[:rest]), '}')
	sum = crc32.Update(sum, castagnoli, body)
	if string(line[rest:]) != fmt.Sprintf(checksum, sum) {
		return r, s, sum, errors.New("the checksum is wrong: this line was changed, or one before it is missing")
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, s, sum, err
	}
	return r, unseal(body), sum, nil
}

// past is what was read of a journal.
type past struct {
	records []Record
	lines   []sealed
	size    int64  // bytes that are sound; behind them is at most the torn tail of a write
	sum     uint32 // of those
}

// What is longer is no journal of ours: a record has some kilobytes.
const (
	longestRecord  = 16 << 20
	longestJournal = 1 << 30
)

// readJournal reads all records. A last line that is not whole is what a crash leaves, and as good as never
// written.
func readJournal(r io.Reader, path string) (p past, err error) {
	in := bufio.NewReaderSize(io.LimitReader(r, longestJournal+1), 64<<10)
	for number := 1; ; number++ {
		line, whole, err := readLine(in)
		if err != nil {
			return p, fmt.Errorf("journal %s: %w", path, err)
		}
		if len(line) > longestRecord || p.size+int64(len(line)) > longestJournal {
			return p, &CorruptError{path, number, "it is longer than bisect writes any"}
		}
		if !whole {
			return p, nil
		}
		record, lineSealed, sum, err := verify(line, p.sum)
		if err != nil {
			if _, more := in.Peek(1); more == io.EOF {
				return p, nil
			}
		}
		switch {
		case err != nil:
			return p, &CorruptError{path, number, err.Error()}
		case number == 1 && (record.Type != RecordRun || record.Run == nil):
			return p, &CorruptError{path, number, "no run begins here"}
		case !record.whole():
			return p, &CorruptError{path, number, fmt.Sprintf("a record of type %q lacks what it is about", record.Type)}
		case number == 1 && record.Run.Version != Version:
			return p, fmt.Errorf("journal %s: version %d, and this bisect reads %d: go on with the bisect that began it", path, record.Run.Version, Version)
		}
		p.records, p.lines = append(p.records, record), append(p.lines, lineSealed)
		p.sum, p.size = sum, p.size+int64(len(line))+1
	}
}

// readLine reads up to a line feed, which it leaves out, or to the end; of a line that is too long a little
// more than that.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], true, nil
		case err == io.EOF:
			return line, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, false, err
		case len(line) > longestRecord:
			return line, false, nil
		}
	}
}

// pastOf reads the journal in dir.
func pastOf(dir string) (p past, err error) {
	at, err := openFolder(dir)
	if err != nil {
		return p, err
	}
	defer at.root.Close()
	f, err := at.open(journalName, os.O_RDONLY)
	if err != nil {
		return p, err
	}
	defer f.Close()
	return readJournal(f, filepath.Join(dir, journalName))
}

// Read reads the records of the run in a state folder, be it finished, dead, or at work. It follows no link
// there.
func Read(dir string) ([]Record, error) {
	p, err := pastOf(dir)
	return p.records, err
}

// trial is what an end record says, but for its tail, which stands in the row.
func (r Record) trial() lab.Trial {
	row := r.Trial
	return lab.Trial{
		Judgement: scenarios.Judgement{Verdict: bisect.VerdictOf(row.Verdict), Class: row.Class, Reason: row.Reason, Line: r.Line},
		Stage:     row.Stage, Exit: row.Exit, Took: seconds(row.Seconds), Wall: seconds(row.Wall), Image: row.Image, Tree: row.Tree,
		Lines: r.Lines, Stages: r.Stages,
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
