package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"buildbisect/images"
	"buildbisect/runner/git/checkout"
)

// lookAtSource finds what builds of the ends do not see as after a clone, and what is changed in the work
// tree: builds see commits alone.
func (s *job) lookAtSource(ctx context.Context) (err error) {
	defer s.progress.WhenSlow("reading which files the ends have, and which are changed")()
	if s.unseen, err = s.source.Caveats(ctx, s.ends...); err != nil {
		return err
	}
	paths, err := checkout.Uncommitted(ctx, s.repo)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.changed = err.Error()
		return nil
	}
	s.changed = uncommitted(slices.DeleteFunc(paths, s.readsItself))
	return nil
}

// readsItself reports whether a file of the work tree is read by bisect, as it stands there.
func (s *job) readsItself(path string) bool {
	path = filepath.Join(s.repo.Path(), path)
	return s.scenario.Dir != "" && (path == filepath.Join(s.scenario.Dir, filepath.Base(s.scenario.File)) || path == filepath.Join(s.scenario.Dir, images.LockName))
}

// namedFiles is how many files a sentence names.
const namedFiles = 5

func uncommitted(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	names := strings.Join(paths[:min(namedFiles, len(paths))], ", ")
	if len(paths) > namedFiles {
		names += ", …"
	}
	verb := "are"
	if len(paths) == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s changed and not committed, and no build sees that: %s", english.Plural(len(paths), "file", ""), verb, names)
}

// warnings are what the reader should know before the first build.
func (s *job) warnings() []string {
	all := slices.Concat(s.notes, s.unseen)
	if s.changed != "" {
		all = append(all, s.changed)
	}
	return all
}
