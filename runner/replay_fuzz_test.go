package runner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner"
	"buildbisect/runner/journal"
	"buildbisect/scenarios"
)

// bodies are the records of a journal without their checksums.
func bodies(text []byte) (all []string) {
	for line := range bytes.Lines(text) {
		body, _, _ := strings.Cut(string(line), `,"crc":"`)
		all = append(all, body+"}")
	}
	return all
}

// sealed makes a journal of records: its checksums are right, whatever it says.
func sealed(bodies []string) []byte {
	var text []byte
	sum := uint32(0)
	for _, body := range bodies {
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), []byte(body))
		text = fmt.Appendf(text, "%s,\"crc\":\"%08x\"}\n", body[:len(body)-1], sum)
	}
	return text
}

// FuzzReplay writes a record of its own into the journal of a run that ended, in the place of one or before
// it, with checksums that are right, as another version of bisect may have. No record makes a run panic or
// hang: it goes on to a report, and once more to the same, or it is refused and the journal left alone.
func FuzzReplay(f *testing.F) {
	world := func(t testing.TB) *runner.Run {
		return newRun(t, &engine{build: failing(3, "error: broken")}, lineOf(4), &scenarios.Scenario{Axes: []scenarios.Axis{variable("A", "1", "2")}})
	}
	first := world(f)
	rep, err := first.Do(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	undisturbed := timeless(f, rep)
	dir := first.State.Dir
	text, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	records := bodies(text)
	if !bytes.Equal(sealed(records), text) {
		f.Fatal("the checksums of this test are not bisect's")
	}
	f.Fuzz(func(t *testing.T, at uint8, instead bool, body string) {
		if body = strings.NewReplacer("\n", " ").Replace(body); !strings.HasSuffix(body, "}") {
			return
		}
		n := int(at) % len(records)
		changed := slices.Clone(records)
		if instead {
			changed[n] = body
		} else {
			changed = slices.Insert(changed, n, body)
		}
		path := filepath.Join(t.TempDir(), "journal.jsonl")
		if err := os.WriteFile(path, sealed(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		last := ""
		if added := (journal.Record{}); n > 0 && !instead && json.Unmarshal([]byte(body), &added) == nil && (added.Type == journal.RecordStop || added.Type == journal.RecordResume) {
			last = undisturbed // it was ended, and gone on with
		}
		for range 2 {
			state, err := journal.OpenState(filepath.Dir(path))
			if err != nil {
				return
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := world(t)
			r.State = state
			rep, err := r.Do(t.Context())
			if err := state.Close(); err != nil {
				t.Fatal(err)
			}
			if err != nil && last != "" {
				t.Fatal(err)
			}
			if err != nil {
				after, broken := os.ReadFile(path)
				if broken != nil || !bytes.HasPrefix(after, before) || strings.Contains(err.Error(), "does not ask") && len(after) > len(before) {
					t.Fatalf("%v, and the journal is %q (%v)", err, after, broken)
				}
				return
			}
			said := timeless(t, rep)
			if last != "" && said != last {
				t.Fatalf("it went on to\n%s\nand once more to\n%s", last, said)
			}
			last = said
		}
	})
}
