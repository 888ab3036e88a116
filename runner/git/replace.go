package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/gittext"
)

// ReplaceBase is where git keeps the refs that replace objects.
const ReplaceBase = "refs/replace/"

// replacedDeep is how far git follows replacements of replacements.
const replacedDeep = 5

// readReplacements returns what takes the place of which objects, as `git replace` has set it: none where
// that does not count.
func readReplacements(at Place, f format, names *refs) (map[plumbing.Hash]plumbing.Hash, error) {
	if at.raw || f.raw {
		return nil, nil
	}
	base := ReplaceBase
	if at.replace != "" {
		base = strings.TrimSuffix(at.replace, "/") + "/"
	}
	all, err := names.IterReferences()
	if err != nil {
		return nil, err
	}
	replaced := map[plumbing.Hash]plumbing.Hash{}
	err = all.ForEach(func(ref *plumbing.Reference) error {
		digits, ok := strings.CutPrefix(ref.Name().String(), base)
		if !ok || len(digits) != 40 || !IsHex(digits) {
			return nil
		}
		if by, ok := names.resolve(ref.Name().String()); ok {
			replaced[plumbing.NewHash(digits)] = by
		}
		return nil
	})
	return replaced, err
}

// replacement follows an id to the object that stands for it.
func (o *Objects) replacement(id plumbing.Hash) (plumbing.Hash, error) {
	by := id
	for range replacedDeep + 1 {
		next, ok := o.Replaced[by]
		if !ok {
			return by, nil
		}
		by = next
	}
	return id, fmt.Errorf("read object %s: replaced more than %d times over, git refuses it too; see: git replace -l", gittext.Short(id.String()), replacedDeep)
}

// readGrafts returns the parents that info/grafts gives to commits in place of their own. Lines that are none
// are passed over, as by git.
func readGrafts(at Place) (map[plumbing.Hash][]plumbing.Hash, error) {
	file := at.grafts
	if file == "" {
		file = filepath.Join(at.CommonDir, "info", "grafts")
	}
	text, err := gittext.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("grafts: %w", err)
	}
	grafts := map[plumbing.Hash][]plumbing.Hash{}
	for line := range bytes.Lines(text) {
		if ids, ok := graftLine(strings.TrimRight(string(line), " \t\r\n")); ok {
			if _, twice := grafts[ids[0]]; !twice {
				grafts[ids[0]] = ids[1:]
			}
		}
	}
	return grafts, nil
}

// graftLine reads the ids of a line: a commit and its parents.
func graftLine(line string) ([]plumbing.Hash, bool) {
	if line == "" || line[0] == '#' {
		return nil, false
	}
	var ids []plumbing.Hash
	for word := range strings.SplitSeq(line, " ") {
		if len(word) != 40 || !IsHex(word) {
			return nil, false
		}
		ids = append(ids, plumbing.NewHash(word))
	}
	return ids, true
}

// GraftText is the line of the file info/grafts that gives a commit its parents.
func GraftText(id plumbing.Hash, parents []plumbing.Hash) string {
	words := []string{id.String()}
	for _, parent := range parents {
		words = append(words, parent.String())
	}
	return strings.Join(words, " ") + "\n"
}
