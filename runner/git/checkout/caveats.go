package checkout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git/attributes"
	"buildbisect/runner/git/gittext"
)

// caveats are what a build does not see as after a clone: files by what there is to say of them.
type caveats map[string]map[string]bool

// The caveats' texts. What follows is how many files, and some of them.
const (
	caveatPointer   = "Git LFS pointers and stay so, their contents are not in the repository"
	caveatPlain     = "kept in UTF-8 although working-tree-encoding says %.40q: %s"
	caveatFilter    = "meant to go through filter %.40q, which bisect does not run; the build sees %s"
	caveatSubmodule = "left empty; `source: {submodules: true}` brings the files"
)

// note adds a file to what is to be said.
func (s *Source) note(f *file, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caveats.add(f.path, text)
}

func (c *caveats) add(path, text string) {
	if *c == nil {
		*c = caveats{}
	}
	if (*c)[text] == nil {
		(*c)[text] = map[string]bool{}
	}
	(*c)[text][path] = true
}

// Caveats says what builds of some commits, given by their full ids, will not see as after a clone: files
// whose filter is not run, submodules that are left out. No file is read but .gitattributes. A commit whose
// files cannot be listed has none: its build says why.
func (s *Source) Caveats(ctx context.Context, commits ...string) ([]string, error) {
	all := caveats{}
	for _, commit := range commits {
		files, _, err := s.list(ctx, commit)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		of := caveats{}
		for _, f := range files {
			if f.attrs.Filtered() {
				of.add(f.path, filterCaveat(f.attrs))
			}
			if f.mode == filemode.Submodule && !s.options.Submodules {
				of.add(f.path, caveatSubmodule)
			}
		}
		for text, paths := range of {
			if len(paths) > len(all[text]) {
				all[text] = paths
			}
		}
	}
	return all.words(), nil
}

func filterCaveat(c *attributes.Conversion) string {
	sees := "what is stored in its place"
	switch c.Filter {
	case "lfs":
		sees = "pointers"
	case "git-crypt":
		sees = "ciphertext"
	}
	return fmt.Sprintf(caveatFilter, c.Filter, sees)
}

// Warnings says what in the tars written so far is not what a build would see after a clone, in a fixed
// order, beside what [Source.Caveats] says.
func (s *Source) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.caveats.words()
	for _, path := range slices.Sorted(maps.Keys(s.cut)) {
		all = append(all, s.cut[path])
	}
	return all
}

func (c caveats) words() []string {
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(c)) {
		paths := slices.Sorted(maps.Keys(c[text]))
		some, more := paths[:min(5, len(paths))], ""
		if len(paths) > len(some) {
			more = ", …"
		}
		noun, verb := "file", "are"
		if text == caveatSubmodule {
			noun = "submodule"
		}
		if len(paths) == 1 {
			verb = "is"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s: %s%s", english.Plural(len(paths), noun, ""), verb, text, gittext.Printable(strings.Join(some, ", ")), more))
	}
	return lines
}
