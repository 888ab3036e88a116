package scenarios

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/scenarios/document"
)

func TestShippedScenariosAreValid(t *testing.T) {
	if len(Names()) == 0 {
		t.Fatal("no scenario is shipped")
	}
	for _, name := range Names() {
		s, err := Open(name)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
			continue
		}
		if s.Name != name || s.File != name || s.Dir != "" {
			t.Errorf("%s: named %q, file %q, dir %q", name, s.Name, s.File, s.Dir)
		}
		if err := unsound(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenTakesWhatLooksLikeAPathForOne(t *testing.T) {
	text := strings.Replace(least, "h.fi", "../h.fi", 1)
	dir := write(t, map[string]string{"h.fi": "", "a/b.yaml": text, "a/bisect.yaml": text, "a/plain": text})
	t.Chdir(filepath.Join(dir, "a"))
	for _, name := range []string{"b.yaml", "./plain", "plain", ".", "../a", filepath.Join(dir, "a")} {
		s, err := Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s.Dir != filepath.Join(dir, "a") {
			t.Errorf("%s: dir is %s", name, s.Dir)
		}
	}
}

func TestUnknownScenarioIsAnsweredWithTheShippedOnes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"k8s-98647", "", "gone.yaml", "./gone", "."} {
		_, err := Open(name)
		if err == nil {
			t.Errorf("%q: no error", name)
			continue
		}
		if _, ok := errors.AsType[document.Mistakes](err); ok {
			t.Errorf("%q: an absent file has mistakes: %v", name, err)
		}
		for _, shipped := range Names() {
			if !strings.Contains(err.Error(), shipped) {
				t.Errorf("%q: %s is not in: %v", name, shipped, err)
			}
		}
	}
	if _, err := Load("gone.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}
