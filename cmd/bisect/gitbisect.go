package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/runner/git"
	"buildbisect/scenarios"
)

// openInBisection is open, but where git bisects in the work tree that the user stands in. There the scenario
// and its lock are read as they were where that began: git checks out an older version of them at each step,
// or none, and a verdict would be about that.
func openInBisection(ctx context.Context, name string, untrusted bool, p *screen.Progress) (*job, error) {
	if untrusted {
		at, err := os.Getwd()
		if err == nil {
			err = git.Confined(at, scenarios.Top(at), false)
		}
		if err != nil {
			return nil, err
		}
	}
	here, err := git.Open(".")
	if err != nil {
		return open(ctx, name, untrusted, p) // whether a repository can be read is for the scenario's own to say
	}
	defer here.Close()
	bisection, err := here.Bisection()
	if err != nil {
		return nil, err
	}
	if bisection == nil {
		return open(ctx, name, untrusted, p)
	}
	f := &fixed{bisection: bisection, untrusted: untrusted, progress: p}
	s, err := beginWith(ctx, untrusted, p, func() (*scenarios.Scenario, error) { return f.scenario(name) })
	if err != nil {
		return nil, err
	}
	if s.scenario.Dir != "" {
		if s.fixedLock, err = f.lock(filepath.Join(s.scenario.Dir, images.LockName)); err != nil {
			return nil, closing(s, err)
		}
	}
	if err := s.openHistory(ctx); err != nil {
		return nil, closing(s, err)
	}
	return s, nil
}

// fixed reads files as they were where a git bisect began.
type fixed struct {
	bisection *git.Bisection
	untrusted bool
	progress  *screen.Progress
}

// read is nil where the file in the work tree is the right one.
func (f *fixed) read(path string) (text []byte, changed bool, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, false, err
	}
	text, from, changed, err := f.bisection.Fixed(abs)
	if err != nil {
		return nil, false, fmt.Errorf("%s where git bisect began: %w", path, err)
	}
	if changed && text != nil {
		f.progress.Line(fmt.Sprintf("%s is read from commit %s, where git bisect began: the one checked out now has another, or none", report.Clean(path), from.Short()))
	}
	return text, changed, nil
}

func (f *fixed) scenario(name string) (*scenarios.Scenario, error) {
	if slices.Contains(scenarios.Names(), name) {
		return readScenario(name, f.untrusted)
	}
	for _, path := range []string{name, filepath.Join(name, defaultScenario)} {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		text, _, err := f.read(path)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		dir, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		if f.untrusted {
			return scenarios.DecodeUntrusted(path, text, os.DirFS(dir), dir)
		}
		return scenarios.Decode(path, text, os.DirFS(dir), dir)
	}
	return readScenario(name, f.untrusted)
}

// lock gives the lock in place of that in the work tree; nil where that one is right.
func (f *fixed) lock(path string) (func() (*images.Lock, error), error) {
	text, changed, err := f.read(path)
	if err != nil || !changed {
		return nil, err
	}
	return func() (*images.Lock, error) {
		if text == nil {
			return nil, nil // there was none where it began
		}
		l, err := images.ParseLock(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return l, nil
	}, nil
}
