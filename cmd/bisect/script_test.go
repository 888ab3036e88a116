package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this very program the bisect that scripts call. The others stand before a command: they end
// as it ends. Scripts wait more than they compute, for engines, disks and the ends of builds: so twice as
// many run at a time as there are processors.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"bisect":              main,
		"elsewhere":           elsewhereMain,
		"interrupted":         interruptedMain,
		"interrupted-anytime": interruptedAnytimeMain,
		"interrupted-twice":   interruptedTwiceMain,
		"killed":              killedMain,
		"killed-often":        killedOftenMain,
		"measured":            measuredMain,
		"unprivileged":        unprivilegedMain,
	})
}

var update = flag.Bool("update", false, "write what commands print into the scripts; read the difference before you trust it")

// TestScripts runs the scripts below testdata, a suite for each folder. Those of folder engine need a real
// engine; those of nested get one of their own inside it.
func TestScripts(t *testing.T) {
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		t.Run(dir.Name(), func(t *testing.T) {
			if dir.Name() != "nested" { // at its end that takes all images of this process out of the engine
				t.Parallel()
			}
			setup := withoutEngine
			switch dir.Name() {
			case "engine":
				setup = withEngine(t)
			case "nested":
				setup = withNestedEngine(t)
			}
			testscript.Run(t, testscript.Params{
				Dir:                filepath.Join("testdata", dir.Name()),
				RequireUniqueNames: true,
				UpdateScripts:      *update,
				Setup:              setup,
				Condition:          condition,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"at-work":       atWork,
					"build-leaves":  buildLeaves,
					"engine-lists":  engineLists,
					"cut-engine":    cutEngine,
					"start-engine":  startEngine,
					"waits-for":     waitsFor,
					"exits":         exits,
					"history":       makeHistory,
					"json":          jsonHas,
					"let-go":        letBuildsGo,
					"locked-socket": lockedSocket,
					"lowest-api":    lowestAPI,
					"nothing-left":  nothingLeft,
					"same-machine":  sameMachine,
					"watch-machine": watchMachine,
				},
			})
		})
	}
}

// withoutEngine lets no script reach this machine's engine.
func withoutEngine(env *testscript.Env) error {
	env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "no-engine.sock"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
	return anyMachine(env)
}

// anyMachine keeps git from what is set on this one, and fixes who commits and when, so that commit ids are
// always the same. $UNSHARE is the flag of unshare(1) that gives a script's process file systems of its own.
func anyMachine(env *testscript.Env) error {
	for name, value := range map[string]string{
		"UNSHARE":             unshareFlag(),
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CEILING_DIRECTORIES": filepath.Dir(env.WorkDir),
		"GIT_AUTHOR_NAME": "Ann Author", "GIT_AUTHOR_EMAIL": "ann@example.org", "GIT_AUTHOR_DATE": "2021-02-01T07:00:00Z",
		"GIT_COMMITTER_NAME": "Carl Committer", "GIT_COMMITTER_EMAIL": "carl@example.org", "GIT_COMMITTER_DATE": "2021-02-01T07:00:00Z",
	} {
		env.Setenv(name, value)
	}
	return nil
}

// replaceInScenarios writes text for word in every scenario file of a script.
func replaceInScenarios(dir, word, text string) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(data), word, text)), 0o644)
	})
}

// condition knows mounts: whether a process here may have file systems of its own; and toolchains: whether
// all that can be made is to be made, as BISECT_TOOLCHAINS=all has it.
func condition(name string) (bool, error) {
	switch name {
	case "mounts":
		return canMount(), nil
	case "toolchains":
		return os.Getenv("BISECT_TOOLCHAINS") == "all", nil
	}
	return false, fmt.Errorf("no condition %q", name)
}
