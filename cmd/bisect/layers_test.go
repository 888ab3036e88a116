package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bans are the imports that would turn the house upside down, with the reason for each.
var bans = []struct {
	from   string   // package, with everything below it where it ends in /...
	except []string // packages below it that may
	to     string   // import path, with everything below it where it ends in /...
	why    string
}{
	{"buildbisect/bisect", nil, "os", "the search does no I/O: its tests run against oracles in microseconds"},
	{"buildbisect/bisect", nil, "time", "the search has no clock: recorded verdicts must give the same questions"},
	{"buildbisect/bisect/order", nil, "buildbisect/...", "an order of levels does not depend on what is searched in it"},
	{"buildbisect/bisect/order", nil, "os", "an order does no I/O: a search that uses it does none"},
	{"buildbisect/bisect/order", nil, "time", "an order has no clock: recorded verdicts must give the same questions"},
	{"buildbisect/bisect/testkit", nil, "buildbisect/...", "the tests of every part of the search share it"},
	{"buildbisect/...", nil, "buildbisect/bisect/testkit", "only tests use it"},
	{"buildbisect/bisect/report", nil, "buildbisect/...", "a report is a value: whoever reads one needs no runner"},
	{"buildbisect/images/...", nil, "buildbisect/bisect/...", "images are made without knowing what is searched with them"},
	{"buildbisect/images/...", nil, "buildbisect/scenarios", "images are made of what they are told, not of what a scenario says"},
	{"buildbisect/images/...", nil, "buildbisect/runner/...", "images are made without knowing what is run in them"},
	{"buildbisect/images/...", nil, "buildbisect/cmd/...", "images are made without knowing what is run in them"},
	{"buildbisect/images/...", []string{"buildbisect/images"}, "buildbisect/images", "downloads, archives and packages know nothing of tools"},
	{"buildbisect/images/catalogue", nil, "buildbisect/...", "what may be asked for does not depend on how it is made"},
	{"buildbisect/scenarios/document", nil, "buildbisect/...", "a document does not know what it says"},
	{"buildbisect/scenarios", nil, "buildbisect/images", "a scenario names images, and makes none"},
	{"buildbisect/scenarios", nil, "buildbisect/runner/...", "a scenario says what to build, not how it is run"},
	{"buildbisect/scenarios", nil, "buildbisect/cmd/...", "commands read scenarios, never the other way round"},
	{"buildbisect/runner/...", nil, "buildbisect/cmd/...", "commands drive the runner, never the other way round"},
	{"buildbisect/runner/local", nil, "buildbisect/runner/docker", "builds on a machine without an engine need none of it"},
	{"buildbisect/runner/backend", nil, "buildbisect/runner/...", "what a back end is does not depend on who uses one"},
	{"buildbisect/runner/redact", nil, "buildbisect/...", "secrets are text, whoever prints them"},
	{"buildbisect/runner/ownruns", nil, "buildbisect/runner/lab", "a record of runs needs none of what runs them"},
	{"buildbisect/runner/history", nil, "buildbisect/runner", "a history is read before anything runs"},
	{"buildbisect/runner/history", nil, "buildbisect/runner/backend", "a history needs no box"},
	{"buildbisect/runner/space", nil, "buildbisect/runner/...", "points have their names before anything runs"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner", "a trial does not know what is searched with it"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner/journal", "a trial does not know who writes it down"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner/explain", "a trial does not know what is said of it"},
	{"buildbisect/runner/retry", nil, "buildbisect/runner", "a trial is tried again without knowing what is searched with it"},
	{"buildbisect/runner/retry", nil, "buildbisect/runner/journal", "a trial is tried again without knowing who writes it down"},
	{"buildbisect/runner/journal", nil, "buildbisect/runner", "a journal is written to, and drives nothing"},
	{"buildbisect/runner/journal", nil, "buildbisect/runner/explain", "a journal holds what happened, not what it means"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner", "an explanation is a function of what is known"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner/backend", "an explanation needs nothing that runs"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner/journal", "an explanation is the same, whoever wrote down what happened"},
	{"buildbisect/runner", nil, "buildbisect/runner/docker", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner", nil, "buildbisect/runner/local", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner", nil, "buildbisect/runner/git/...", "sources are handed in"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner/docker", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner/local", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/lab", nil, "buildbisect/runner/git/...", "sources are handed in"},
	{"buildbisect/runner/journal", nil, "buildbisect/runner/docker", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/journal", nil, "buildbisect/runner/local", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/journal", nil, "buildbisect/runner/git/...", "sources are handed in"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner/docker", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner/local", "back ends are handed in, so that Docker is the first and not the last"},
	{"buildbisect/runner/explain", nil, "buildbisect/runner/git/...", "sources are handed in"},
	{"buildbisect/runner/session", nil, "buildbisect/runner/docker", "leftovers are those of any back end"},
	{"buildbisect/runner/docker", nil, "buildbisect/runner/session", "a back end lists what is there; whose that is, and whether they live, is not its business"},
	{"buildbisect/runner/docker/endpoint", nil, "buildbisect/...", "where an engine listens depends on nothing of ours"},
	{"buildbisect/runner/docker", nil, "buildbisect/runner/lab", "a back end knows boxes, not what is built in them"},
	{"buildbisect/runner/local", nil, "buildbisect/runner/lab", "a back end knows boxes, not what is built in them"},
	{"buildbisect/...", []string{"buildbisect/runner/docker"}, "github.com/testcontainers/...", "one package talks to Docker"},
	{"buildbisect/...", []string{"buildbisect/runner/docker", "buildbisect/runner/docker/endpoint", "buildbisect/runner/enginetest"}, "github.com/moby/...", "one place talks to Docker; tests have an engine of their own"},
	{"buildbisect/...", []string{"buildbisect/runner/git", "buildbisect/runner/git/checkout"}, "github.com/go-git/...", "repositories are read in one place"},
	{"buildbisect/runner/git", nil, "buildbisect/runner/git/checkout", "a repository does not know what is made of its commits"},
	{"buildbisect/runner/git/attributes", nil, "buildbisect/runner/git", "rules for files need no repository"},
	{"buildbisect/runner/git/pattern", nil, "buildbisect/runner/...", "patterns need no repository"},
	{"buildbisect/runner/git/gittext", nil, "buildbisect/runner/git", "texts need no repository"},
	{"buildbisect/...", []string{"buildbisect/cmd/bisect"}, "github.com/urfave/...", "one package is the command line"},
}

// TestImportsRunOneWay holds the packages, their tests apart, to bans.
func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "buildbisect/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, ban := range bans {
			if !under(p.ImportPath, ban.from) || anyUnder(ban.except, p.ImportPath) {
				continue
			}
			for _, i := range p.Imports {
				if under(i, ban.to) && i != p.ImportPath {
					t.Errorf("%s imports %s: %s", p.ImportPath, i, ban.why)
				}
			}
		}
		if p.ImportPath == "buildbisect/bisect" {
			for _, i := range p.Imports {
				switch {
				case strings.HasPrefix(i, "buildbisect/") && i != "buildbisect/bisect/order":
					t.Errorf("bisect imports %s: the search knows nothing but points and verdicts", i)
				case strings.Contains(i, "."):
					t.Errorf("bisect imports %s: the search uses the standard library only", i)
				}
			}
		}
	}
	if seen < 7 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

// TestOneFileNamesTheBackEnds keeps a new back end a matter of its own package and one line here.
func TestOneFileNamesTheBackEnds(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{"docker", "local"} {
			imports := strings.Contains(string(text), "\t\"buildbisect/runner/"+where+"\"\n")
			switch {
			case imports && file == "backends.go":
				named++
			case imports && !strings.HasSuffix(file, "_test.go"):
				t.Errorf("%s imports runner/%s: only backends.go names back ends", file, where)
			}
		}
	}
	if named != 2 {
		t.Errorf("backends.go imports %d back ends", named)
	}
}

func under(path, pattern string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return path == pattern || all && (path == prefix || strings.HasPrefix(path, prefix+"/"))
}

func anyUnder(patterns []string, path string) bool {
	for _, p := range patterns {
		if under(path, p) {
			return true
		}
	}
	return false
}
