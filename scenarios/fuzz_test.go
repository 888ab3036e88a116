package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"buildbisect/scenarios/document"
)

// FuzzDecode: no text makes the decoder panic, and what it accepts is sound. Run it with
// -fuzzminimizetime=10x: by default go test spends its time on making inputs smaller.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(whole))
	withoutDisk := strings.NewReplacer("repo: ../code", "history: h.fi", "    mine:\n", "", "      v9: {file: ./tool", "    #")
	f.Add([]byte(withoutDisk.Replace(whole)))
	f.Add([]byte(least))
	f.Add([]byte(worlds))
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode("x", data, fstest.MapFS{"h.fi": {}, "history.fi": {}, "pin.txtar": {Data: []byte(pin)}}, "")
		if mistakes, ok := errors.AsType[document.Mistakes](err); ok {
			if s != nil || len(mistakes) == 0 {
				t.Fatalf("%d mistakes and the scenario %v", len(mistakes), s)
			}
			for _, m := range mistakes {
				if m.Line < 1 || m.Column < 1 || m.Message == "" {
					t.Fatalf("%+v has no place or no message", m)
				}
			}
			return
		}
		if err != nil {
			t.Fatalf("got %v, want mistakes", err)
		}
		if err := unsound(s); err != nil {
			t.Fatalf("%v: %+v", err, s)
		}
	})
}

// unsound says what of the promises in the comments of Scenario a decoded one breaks.
func unsound(s *Scenario) error {
	axes := map[string]bool{"commit": true}
	bases, engines := 0, 0
	set := map[string]bool{} // variables
	for name := range s.Builder.Env {
		set[name] = true
	}
	for _, axis := range s.Axes {
		switch key := axis.Key(); {
		case axes[key]:
			return fmt.Errorf("two axes %s", key)
		case len(axis.Levels) < 2:
			return fmt.Errorf("axis %s has %d levels", key, len(axis.Levels))
		case axis.Kind == ToolAxis && s.Builder.Tools[axis.Name] != "":
			return fmt.Errorf("%s is pinned and varied", key)
		}
		axes[axis.Key()] = true
		switch axis.Kind {
		case BaseAxis:
			bases++
		case EngineAxis:
			engines++
		}
		for _, name := range axis.Variables() {
			if set[name] {
				return fmt.Errorf("%s is set twice", name)
			}
			set[name] = true
		}
		for i, level := range axis.Levels {
			if axis.index(level) != i {
				return fmt.Errorf("axis %s has level %s twice", axis.Key(), level)
			}
			if (axis.Kind == BaseAxis || axis.Kind == EngineAxis) == (level.Null || level.Base.IsZero()) {
				return fmt.Errorf("axis %s has the base %s at %s", axis.Key(), level.Base, level)
			}
			if axis.Kind == ToolAxis && !level.Null {
				if _, err := s.Builder.Catalogue.Lookup(axis.Name, level.Text); err != nil {
					return err
				}
			}
		}
	}
	for tool, version := range s.Builder.Tools {
		if _, err := s.Builder.Catalogue.Lookup(tool, version); err != nil {
			return err
		}
	}
	for _, changes := range slices.Concat(s.Expect.Causes, s.Expect.Repairs) {
		for key := range changes {
			if !axes[key] {
				return fmt.Errorf("%s is expected to take part, which is no axis", key)
			}
		}
	}
	good, bad := make([]int, len(s.Axes)), make([]int, len(s.Axes))
	for i, axis := range s.Axes {
		bad[i] = len(axis.Levels) - 1
	}
	for _, end := range [][]int{good, bad} {
		if rule, excluded := s.Excluded(end); excluded {
			return fmt.Errorf("%q excludes an end, %v", rule, end)
		}
	}
	for name, secret := range s.Builder.Secrets {
		if set[name] || (secret.FromEnv == "") == (secret.FromFile == "") {
			return fmt.Errorf("secret %s is %+v, or set otherwise too", name, secret)
		}
	}
	for _, c := range s.Builder.Capabilities {
		if !slices.Contains(capabilities(), c) || slices.Contains(DefaultCapabilities(), c) {
			return fmt.Errorf("capability %q", c)
		}
	}
	for _, path := range s.Artifacts {
		if !fs.ValidPath(path) || path == "." {
			return fmt.Errorf("artifact %q is not in the work folder", path)
		}
	}
	for _, l := range s.Loosened() {
		if l.Line < 1 || l.Key == "" || l.What == "" {
			return fmt.Errorf("%+v is loosened nowhere", l)
		}
	}
	for _, p := range s.Prior.Paths {
		if !(p.Weight > 0 && p.Weight < math.Inf(1)) {
			return fmt.Errorf("path %+v", p)
		}
	}
	for _, path := range s.Source.Paths {
		if strings.HasPrefix(path, "/") || strings.HasPrefix(path, "../") {
			return fmt.Errorf("path %q leads out of the repository", path)
		}
	}
	for _, stage := range s.Stages {
		if stage.Name == "" || stage.Run == "" || stage.Timeout <= 0 || stage.OnTimeout == "" || stage.OnOOM == "" {
			return fmt.Errorf("stage %+v", stage)
		}
	}
	f, err := s.OpenHistory()
	if err == nil {
		f.Close()
	}
	switch {
	case s.Name == "":
		return errors.New("no name")
	case (s.Source.Repo == "") == (s.Source.History == ""):
		return errors.New("repo and history")
	case s.Source.History != "" && err != nil:
		return err
	case s.Source.Bad == "":
		return errors.New("no bad")
	case s.Expect.Causes != nil && s.Expect.Repairs != nil:
		return errors.New("causes and repairs")
	case s.Builder.Base.IsZero() != (bases == 1):
		return errors.New("base and base axis")
	case (s.Builder.Engine == EngineDind) != (s.Builder.EngineVersion != "" || engines == 1):
		return errors.New("dind without an engine, or an engine without dind")
	case s.Builder.EngineBase.IsZero() != (s.Builder.EngineVersion == "") || s.Builder.EngineVersion != "" && engines > 0:
		return errors.New("engine and engine axis")
	case s.Builder.Catalogue == nil || s.Builder.Engine == "" || s.Builder.Network == "" || !path.IsAbs(s.Builder.Workdir):
		return fmt.Errorf("builder %+v", s.Builder)
	case s.Builder.Resources.PIDs < 1 || s.Builder.Resources.Disk < leastDisk || s.Builder.Resources.Log < leastLog || s.Builder.Resources.Artifacts < leastLog:
		return fmt.Errorf("resources %+v", s.Builder.Resources)
	case len(s.Stages) == 0 || s.Verdict.Stage < 0 || s.Verdict.Stage >= len(s.Stages):
		return fmt.Errorf("stage %d of %d decides", s.Verdict.Stage, len(s.Stages))
	case !(s.Confidence >= 0.5 && s.Confidence < 1) || s.Repeat.Max < 2:
		return fmt.Errorf("confidence %v, repeat %+v", s.Confidence, s.Repeat)
	case s.Confirm < 1 || s.Certify.Probes < 0 || s.Certify.Time <= 0:
		return fmt.Errorf("confirm %d, certify %+v", s.Confirm, s.Certify)
	}
	return nil
}
