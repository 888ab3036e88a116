package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"buildbisect/bisect/report"
	"buildbisect/runner/lab"
)

// soundJournal is a journal with a record of every type, as bisect writes it.
func soundJournal(t testing.TB) ([]byte, []Record) {
	t.Helper()
	path := filepath.Join(t.TempDir(), journalName)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	level := func(name string) *string { return &name }
	row := func(id int) *report.Trial {
		return &report.Trial{ID: id, Point: report.Point{"commit": level("c7"), "env.FLAG": nil}, Why: "endpoint", Log: LogPath(id)}
	}
	ended := row(1)
	ended.Verdict, ended.Exit, ended.Seconds, ended.Tail = "bad", 2, 1.5, "cc main.c\nerror: broken \x1b[31m<tag> \u2028"
	at := time.Date(2021, 2, 1, 7, 0, 0, 123456789, time.UTC)
	j := &journal{file: f}
	for _, r := range []Record{
		{Type: RecordRun, Run: &Begun{Version: Version, Mark: "b1234567890", Scenario: "demo", Bad: "c7", Options: map[string]string{"j": "2"}}},
		{Type: RecordGood, Good: "c0"},
		{Type: RecordStart, Trial: row(1)},
		{Type: RecordStart, Trial: row(2)},
		{Type: RecordEnd, Trial: ended, Stages: []lab.StageRun{{Name: "build", Exit: 2, Seconds: 1.5}}, Lines: []string{"error: broken"}, Line: "error: broken", Notes: []string{"x"}},
		{Type: RecordCancel, Trial: row(2), Cause: ErrObsolete.Error()},
		{Type: RecordStop, Cause: "interrupted"},
		{Type: RecordResume},
		{Type: RecordCertify},
	} {
		at = at.Add(time.Second)
		r.Time = at
		if err := j.append(r); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readJournal(bytes.NewReader(text), path)
	if err != nil || len(p.records) != 9 || p.size != int64(len(text)) {
		t.Fatalf("%d records in %d of %d bytes, %v", len(p.records), p.size, len(text), err)
	}
	return text, p.records
}

// FuzzJournal puts insert in the place of cut bytes of a sound journal, or in the place of all of it.
// Whatever that does, what is read is the records in front of the damage and no other; damage with anything
// behind it is reported with its line, and only one in the last
// line is taken for what a crash leaves.
func FuzzJournal(f *testing.F) {
	sound, records := soundJournal(f)
	f.Fuzz(func(t *testing.T, all bool, at, cut uint16, insert []byte) {
		from := min(int(at), len(sound))
		damaged := bytes.Join([][]byte{sound[:from], insert, sound[min(from+int(cut), len(sound)):]}, nil)
		if all {
			damaged = insert
		}
		whole, size := 0, 0 // lines in front of the damage, and their bytes
		for line := range bytes.Lines(sound) {
			if !bytes.HasPrefix(damaged[size:], line) {
				break
			}
			whole, size = whole+1, size+len(line)
		}
		_, behind, ended := bytes.Cut(damaged[size:], []byte("\n"))
		torn := !ended || len(behind) == 0

		p, err := readJournal(bytes.NewReader(damaged), "x")
		if !reflect.DeepEqual(p.records, append([]Record(nil), records[:whole]...)) || p.size != int64(size) {
			t.Fatalf("%d records of %d bytes were taken from a journal with %d sound ones in %d: %q", len(p.records), p.size, whole, size, damaged)
		}
		corrupt, ok := errors.AsType[*CorruptError](err)
		switch {
		case torn && err != nil:
			t.Fatalf("%v, of what may be half a line: %q", err, damaged[size:])
		case !torn && (!ok || corrupt.Line != whole+1):
			t.Fatalf("got %v, want damage in line %d: %q", err, whole+1, damaged[size:])
		}
	})
}
