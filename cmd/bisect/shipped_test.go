package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"buildbisect/bisect/report"
	"buildbisect/runner/docker"
	"buildbisect/runner/docker/endpoint"
	"buildbisect/runner/journal"
	"buildbisect/scenarios"
)

// TestShippedScenariosFindWhatTheyExpect replays shipped scenarios with the real tools on the real engine:
// the one that the project is there for, where engines, compiled tools, a variable and commits meet; the one
// that has its tools, on the machine's own engine; and one whose build says something wrong and does not
// fail. The others have tools and bases of their own, most of which take minutes to make:
// BISECT_SCENARIOS=all replays all, as make soak does.
func TestShippedScenariosFindWhatTheyExpect(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a docker engine, and minutes")
	}
	engine, err := docker.Connect(t.Context())
	if none := (*endpoint.UnavailableError)(nil); errors.As(err, &none) && os.Getenv("BISECT_REQUIRE_DOCKER") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	names := []string{"k8s-98646", "k8s-98646-canary", "retropie-3713"}
	if os.Getenv("BISECT_SCENARIOS") == "all" {
		names = scenarios.Names()
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := scenarios.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			var out, progress bytes.Buffer
			c := command{stdout: &out, stderr: &progress}
			want := exitOK
			if len(s.Expect.Candidates) > 0 {
				want = exitInconclusive
			}
			if code := c.run(t.Context(), []string{"bisect", "run", name, "--json", "--state", t.TempDir()}); code != want {
				t.Fatalf("exit status %d:\n%s", code, progress.String())
			}
			var rep report.Report
			if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
				t.Fatal(err)
			}
			if rep.Complete != (want == exitOK) || rep.Probes > 40 {
				t.Errorf("complete %v after %d probes", rep.Complete, rep.Probes)
			}
			if got, want := changes(&rep), expected(slices.Concat(s.Expect.Causes, s.Expect.Repairs, s.Expect.Candidates)); !reflect.DeepEqual(got, want) {
				t.Errorf("found %v; want %v\n%s", got, want, progress.String())
			}
			if rep.Repair != (len(s.Expect.Repairs) > 0) {
				t.Errorf("a search for a repair: %v", rep.Repair)
			}
			if want != exitOK {
				return
			}
			blamed := strings.Contains(out.String(), `"axis": "commit"`)
			if says := strings.Contains(rep.Summary, "No commit is to blame") || strings.Contains(rep.Summary, "It takes no commit"); says == blamed {
				t.Errorf("a commit is blamed: %v; summary: %s", blamed, rep.Summary)
			}
			// Others may use the engine meanwhile: only what carries this run's mark is this run's.
			if left, _, err := engine.RemoveTrialImages(t.Context(), markOf(t, rep.Run)); err != nil || len(left) > 0 {
				t.Errorf("images were left in the engine: %q, %v", left, err)
			}
		})
	}
}

// markOf is a run's mark in the engine.
func markOf(t *testing.T, run string) string {
	records, err := journal.Read(run)
	if err != nil {
		t.Fatal(err)
	}
	return records[0].Run.Mark
}

// changes gives each cause, repair or candidate as sorted words, so that they compare whatever their order.
func changes(rep *report.Report) []string {
	var list []map[string]*string
	for _, c := range rep.Causes {
		changed := map[string]*string{}
		for _, change := range c.Changes {
			changed[change.Axis] = change.Bad
		}
		list = append(list, changed)
	}
	for _, c := range rep.Repairs {
		changed := map[string]*string{}
		for _, change := range c.Changes {
			changed[change.Axis] = change.Good
		}
		list = append(list, changed)
	}
	for _, c := range rep.Candidates {
		list = append(list, c.Point)
	}
	return expected(list)
}

func expected(causes []map[string]*string) []string {
	var list []string
	for _, c := range causes {
		var words []string
		for _, axis := range slices.Sorted(maps.Keys(c)) {
			words = append(words, report.Level(axis, c[axis]))
		}
		list = append(list, strings.Join(words, " and "))
	}
	slices.Sort(list)
	return list
}
