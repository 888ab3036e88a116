package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"buildbisect/images"
)

// sealedRun is the folder of a run with three sealed lines.
func sealedRun(t *testing.T, key []byte) *State {
	t.Helper()
	s, err := NewState(t.TempDir(), "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Seal(key); err != nil {
		t.Fatal(err)
	}
	for _, r := range []Record{
		{Type: RecordRun, Run: &Begun{Version: Version, Mark: "baaaaaaaaaa", Options: map[string]string{"runner": "docker"}}},
		{Type: RecordGood, Good: `a","seal":"00000000000000000000000000000000"}`}, {Type: RecordStop, Cause: "max-trials"},
	} {
		if err := s.journal.append(r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestAJournalIsOnesOwnOnlyAsItWasWritten forges with right checksums: whoever can write the file can reckon
// those.
func TestAJournalIsOnesOwnOnlyAsItWasWritten(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	s := sealedRun(t, key)
	file := filepath.Join(s.Dir, journalName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	const tail = len(`,"crc":"00000000"}`)
	forge := func(bodies ...[]byte) (out []byte) { // with the checksums that they should have
		sum := uint32(0)
		for _, b := range bodies {
			sum = crc32.Update(sum, castagnoli, b)
			out = append(out, b[:len(b)-1]...)
			out = append(fmt.Appendf(out, checksum, sum), '\n')
		}
		return out
	}
	body := func(i int) []byte {
		line := bytes.TrimSuffix(lines[i], []byte("\n"))
		return append(bytes.Clone(line[:len(line)-tail]), '}')
	}
	change := func(b []byte, old, new string) []byte {
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("no %q in %s", old, b)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
	unsealed := func(b []byte) []byte { return append(b[:len(b)-len(`,"seal":""}`)-2*sealSize:len(b)], '}') }
	for name, c := range map[string]struct {
		text []byte
		want bool
	}{
		"as it was":         {text, true},
		"the same, rebuilt": {forge(body(0), body(1), body(2)), true},
		"an earlier state":  {forge(body(0), body(1)), true},
		"half a line more":  {append(bytes.Clone(text), "{\"type\""...), true},
		"another runner":    {forge(change(body(0), "docker", "local!"), body(1), body(2)), false},
		"a line is gone":    {forge(body(0), body(2)), false},
		"lines changed":     {forge(body(0), body(2), body(1)), false},
		"no seal":           {forge(unsealed(body(0)), unsealed(body(1))), false},
		"a line more":       {forge(body(0), body(1), body(2), []byte(`{"type":"good","time":"2026-01-01T00:00:00Z","good":"b"}`)), false},
		"seal of another":   {forge(body(0), change(body(1), `a\"`, `b\"`)), false},
	} {
		if err := os.WriteFile(file, c.text, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := SealedWith(s.Dir, key); got != c.want || err != nil {
			t.Errorf("%s: got %t, %v", name, got, err)
		}
		if got, err := SealedWith(s.Dir, bytes.Repeat([]byte{8}, 32)); got || err != nil {
			t.Errorf("%s, another's key: got %t, %v", name, got, err)
		}
	}
}

func TestARunGoesOnOnlyUnderItsOwnSeal(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	s := sealedRun(t, key)
	if err := s.SaveParts(&images.Lock{Version: 1, Bases: []images.LockedBase{{Asked: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenState(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Seal(bytes.Repeat([]byte{8}, 32)); err == nil {
		t.Error("another's key was taken")
	}
	if err := again.Seal(key); err != nil {
		t.Error(err)
	}
	if err := again.journal.append(Record{Type: RecordStop, Cause: "again"}); err != nil {
		t.Fatal(err)
	}
	if ok, err := SealedWith(s.Dir, key); !ok || err != nil {
		t.Errorf("after it went on: %t, %v", ok, err)
	}
	records, err := Read(s.Dir)
	if text, _ := json.Marshal(records); err != nil || len(records) != 4 || bytes.Contains(text, []byte(`"seal":"f`)) {
		t.Errorf("got %s, %v", text, err)
	}
	file := filepath.Join(s.Dir, images.LockName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{bytes.Replace(text, []byte("x"), []byte("y"), 1), text[:len(text)-40], nil} {
		if err := again.unsealText(text); err == nil {
			t.Errorf("a lock that was changed is taken: %q", text)
		}
	}
	if err := again.unsealText(text); err != nil {
		t.Error(err)
	}
}

// TestNothingOutsideOfARunIsReachedByWhatLiesInIt has links wherever bisect writes, or removes.
func TestNothingOutsideOfARunIsReachedByWhatLiesInIt(t *testing.T) {
	plant := func(t *testing.T, name, to string) (*State, string) {
		t.Helper()
		s := sealedRun(t, bytes.Repeat([]byte{7}, 32))
		away := t.TempDir()
		for _, f := range []string{"file", "7/log", "7/artifacts/kept", "log", "artifacts/kept"} {
			f = filepath.Join(away, f)
			if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o755), os.WriteFile(f, []byte("precious"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		at := filepath.Join(s.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.Symlink(filepath.Join(away, to), at)); err != nil {
			t.Fatal(err)
		}
		return s, away
	}
	var planted *PlantedError
	for name, to := range map[string]string{
		"trials": "", "trials/7": "7", "trials/7/log": "file", "trials/7/artifacts": "artifacts", "report.json": "file", "report.json.new": "file",
		"scenario.yaml": "new", "scenario.yaml.new": "file",
	} {
		s, away := plant(t, name, to)
		f, err := s.CreateLog(7)
		if err == nil {
			_, err = f.WriteString("log")
			err = errors.Join(err, f.Close())
		}
		if wantErr := name == "trials" || name == "trials/7"; wantErr != errors.As(err, &planted) {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range []string{"report.json", "scenario.yaml"} {
			if err := s.Keep(f, []byte("new")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, f := range []string{"file", "7/log", "7/artifacts/kept", "log", "artifacts/kept"} {
			if text, err := os.ReadFile(filepath.Join(away, f)); string(text) != "precious" {
				t.Errorf("a link %s to %q: %s is now %q, %v", name, to, f, text, err)
			}
		}
		if list, err := os.ReadDir(away); len(list) != 4 || err != nil {
			t.Errorf("a link %s to %q: more was made: %v, %v", name, to, list, err)
		}
	}
}

func TestAFileThatIsLongerThanBisectWritesAnyIsNotRead(t *testing.T) {
	s := sealedRun(t, bytes.Repeat([]byte{7}, 32))
	for _, name := range []string{journalName, "scenario.yaml"} {
		if err := errors.Join(os.WriteFile(filepath.Join(s.Dir, name), nil, 0o644), os.Truncate(filepath.Join(s.Dir, name), 1<<40)); err != nil {
			t.Fatal(err)
		}
	}
	var corrupt *CorruptError
	if _, err := Read(s.Dir); !errors.As(err, &corrupt) {
		t.Errorf("a journal of a terabyte: %v", err)
	}
	if _, err := s.Kept("scenario.yaml"); err == nil {
		t.Error("a scenario of a terabyte is read")
	}
}
