package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/runnertest"
)

// noTools is a maker of tools that makes none.
type noTools struct{}

func (noTools) Tools(context.Context, catalogue.Spec) (*images.Toolset, error) {
	return &images.Toolset{Identity: strings.Repeat("0", 64)}, nil
}

func (noTools) ToolsIdentity(context.Context, catalogue.Spec) (string, error) {
	return strings.Repeat("0", 64), nil
}

// open opens an engine for t, which must leave nothing.
func open(t testing.TB, tools Tools) *Engine {
	t.Helper()
	cache := t.TempDir()
	e, err := Open(cache, tools, func(text string) { t.Log("warning:", text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if list, err := os.ReadDir(filepath.Join(cache, "local")); err != nil || len(list) > 0 {
			t.Errorf("left: %v, %v", list, err)
		}
		if pids := runningFor(t, e.dir.path); len(pids) > 0 {
			t.Errorf("processes are left: %v", pids)
		}
	})
	return e
}

func image(t testing.TB, e *Engine) *images.Image {
	t.Helper()
	i, err := e.Image(t.Context(), catalogue.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// runningFor looks for processes by the text of all that /proc tells of them, in another way than the engine
// does.
func runningFor(t testing.TB, dir string) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, proc := range all {
		status, err := os.ReadFile(filepath.Join(proc, "status"))
		if err != nil || strings.Contains(string(status), "State:\tZ") {
			continue
		}
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(env), dir) || strings.Contains(cwd, dir) {
			pids = append(pids, filepath.Base(proc))
		}
	}
	return pids
}

func TestThisMachineKeepsTheRunnersContract(t *testing.T) {
	runnertest.Suite(t, func(t *testing.T) runnertest.Bench {
		e := open(t, noTools{})
		folder := func(box string) string { return filepath.Join(e.dir.path, box) }
		return runnertest.Bench{
			Engine: &runnertest.Faulty{Backend: e}, // none of whose boxes fails: a wrapper keeps the contract, too
			Image:  image(t, e), Env: []string{"HOME", "PATH", "TMPDIR", boxVariable},
			// Whoever removes the folder of a box ends it.
			Break: func(t *testing.T, box string) {
				if err := removeAll(folder(box)); err != nil {
					t.Error(err)
				}
				for _, pid := range runningFor(t, folder(box)) {
					n := 0
					fmt.Sscan(pid, &n)
					if p, err := readProcess(n); err == nil {
						if err := p.kill(); err != nil {
							t.Error(err)
						}
					}
				}
			},
			Watch: func(t *testing.T, box string) func() []string {
				return func() (left []string) {
					if _, err := os.Lstat(folder(box)); err == nil {
						left = append(left, folder(box))
					} else if !os.IsNotExist(err) {
						t.Error(err)
					}
					for _, pid := range runningFor(t, folder(box)) {
						left = append(left, "process "+pid)
					}
					return left
				}
			},
			Running: func(t *testing.T, box string) bool { return len(runningFor(t, folder(box))) > 0 },
		}
	})
}
