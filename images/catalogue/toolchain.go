package catalogue

import (
	"errors"
	"fmt"
	"path"
	"slices"
)

// Toolchain is one version of one tool: what it is in an image, and the ways to have it.
type Toolchain struct {
	Tool, Version string
	About         string            // for people
	Dest          string            // absolute path of the program in the image, where everybody calls it
	Places        []string          // other absolute paths where a base may have the same program: made to lead to it, or emptied
	Tree          string            // for a tool that is a whole folder: its absolute path in the image; "": it is one file, at Dest
	Program       string            // path of the program within Tree
	Also          map[string]string // further links for a Tree: absolute path in the image to path within it
	Command       []string          // asks the tool for its version, the tool itself first; empty: it is not asked
	Want          string            // what the output of Command must contain
	API           string            // of a client: the API version it speaks, as in 1.41; an engine may refuse an old one
	Sources       []Source          // the ways to have it, in the order in which they are tried; any must mean the same
}

// check says what about t could not be meant.
func (t Toolchain) check() error {
	what := fmt.Sprintf("tool %s %s", t.Tool, t.Version)
	clean := func(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }
	switch {
	case t.Tool == "" || t.Version == "":
		return fmt.Errorf("tool %q version %q: both need a name", t.Tool, t.Version)
	case !clean(t.Dest):
		return fmt.Errorf("%s: dest %q is not a clean absolute path of a file, like /usr/local/bin/%s", what, t.Dest, t.Tool)
	case t.Tree != "" && (!clean(t.Tree) || t.Program == ""):
		return fmt.Errorf("%s: tree %q: want a clean absolute path, and the path of the program in it", what, t.Tree)
	case len(t.Sources) == 0:
		return fmt.Errorf("%s: no provider says where to have it from", what)
	}
	for _, s := range t.Sources {
		err := errors.New("a source names no provider")
		if s != nil {
			err = s.Check(t)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// places are all paths at which the tool may be found, Dest first.
func (t Toolchain) places() []string {
	all := []string{t.Dest}
	for _, p := range append(slices.Clone(t.Places), otherBins(t.Dest)...) {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
