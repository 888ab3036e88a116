package runnertest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"buildbisect/runner/backend"
)

func (s *suite) environment(t *testing.T) {
	box := s.box(t, backend.BoxSpec{Env: []string{"A=1", "EMPTY=", "ODD=a b='c' $d\nnext", "n=5", "code=6", "f=7"}})
	Prints(t, box, `echo "$A|${EMPTY-unset}|$ODD|${B-unset}|$n$code$f"`, "1||a b='c' $d\nnext|unset|567\n")
	Prints(t, s.box(t, backend.BoxSpec{Env: []string{"HOME=/elsewhere"}}), `echo "$HOME"`, "/elsewhere\n")
	for _, name := range s.Env {
		if name != "PATH" && name != "HOME" && name != "HOSTNAME" { // which an engine may set whatever it is told
			Prints(t, s.box(t, backend.BoxSpec{Env: []string{name}}), `echo "${`+name+`-unset}"`, "unset\n")
		}
	}
}

// hostEnvironment looks for anything that a box is not said to have.
func (s *suite) hostEnvironment(t *testing.T) {
	t.Setenv("BISECT_RUNNERTEST_SECRET", "of the host")
	box := s.box(t, backend.BoxSpec{})
	out, _ := Script(t, box, "env | sed -n 's/=.*//p' | sort")
	known := append([]string{"PWD", "OLDPWD", "SHLVL", "_"}, s.Env...)
	for _, name := range strings.Fields(out) {
		if !slices.Contains(known, name) {
			t.Errorf("a box has %s in its environment", name)
		}
	}
	// Nor has it the host's terminal, or the HOME of another trial.
	Prints(t, box, `echo x >"$HOME/left-by-runnertest"; test ! -t 0; cat`, "")
	Prints(t, s.box(t, backend.BoxSpec{}), `test ! -e "$HOME/left-by-runnertest"`, "")
}

func (s *suite) workdir(t *testing.T) {
	first, second := s.box(t, backend.BoxSpec{}), s.box(t, backend.BoxSpec{})
	Prints(t, first, "ls -A; echo x >file; mkdir -p a/b", "")
	Prints(t, second, "ls -A; echo y >file", "")
	Prints(t, first, "cat file", "x\n")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	Prints(t, s.box(t, backend.BoxSpec{}), "ls -A", "")
	Prints(t, second, "cat file", "y\n")
}

func (s *suite) sideBySide(t *testing.T) {
	var group sync.WaitGroup
	for i := range 4 {
		box := s.box(t, backend.BoxSpec{Env: []string{fmt.Sprintf("I=%d", i)}})
		group.Go(func() {
			var out bytes.Buffer
			exit, err := box.Exec(t.Context(), "n=0; while [ $n -lt 500 ]; do echo $I; n=$((n+1)); done; exit $I", &out)
			if err != nil || exit.Code != i || out.String() != strings.Repeat(fmt.Sprintf("%d\n", i), 500) {
				t.Errorf("box %d: got %+v, %v, %d bytes", i, exit, err, out.Len())
			}
		})
	}
	group.Wait()
}
