package git

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/gittext"
)

// lacking says why an object is not here, and which command gets it.
func (o *Objects) lacking(kind plumbing.ObjectType, id plumbing.Hash) error {
	e := &MissingObjectError{ID: id.String(), Kind: KindName(kind), Partial: o.Partial}
	for _, s := range o.Stores {
		for _, path := range slices.Sorted(maps.Keys(s.broken)) {
			e.Why = fmt.Sprintf("not in what can be read of the repository (%v)", s.broken[path])
			e.Command = fmt.Sprintf("rm -f %s && git index-pack %s", gittext.Quoted(path+".idx"), gittext.Quoted(path+".pack"))
			return e
		}
	}
	switch {
	case o.Partial:
		e.Command = fmt.Sprintf("git -C %s fetch --refetch --no-filter -- %s", gittext.Quoted(o.GitDir), gittext.Quoted(o.Remote))
	case len(o.missing) > 0:
		e.Why = fmt.Sprintf("not in the repository, which borrows objects from folders that are gone (%s); put them back, or correct %s", strings.Join(o.missing, ", "), o.objectDir+"/info/alternates")
		e.Command = o.recovery()
	default:
		e.Why = "not in the repository, which is damaged or still being written"
		e.Command = o.recovery()
	}
	return e
}

// recovery is the command that gets what a damaged repository lacks, or at least lists it.
func (o *Objects) recovery() string {
	if o.Remote != "" {
		return fmt.Sprintf("git -C %s fetch --refetch -- %s", gittext.Quoted(o.GitDir), gittext.Quoted(o.Remote))
	}
	return fmt.Sprintf("git -C %s fsck", gittext.Quoted(o.GitDir))
}

// brokenFileError is a pack or a loose object that cannot be read.
type brokenFileError struct {
	path  string
	cause error
}

func (e *brokenFileError) Error() string { return fmt.Sprintf("%s: %v", e.path, e.cause) }
func (e *brokenFileError) Unwrap() error { return e.cause }

// damaged says what gets an object that is here and cannot be read. Git itself dies of a broken pack, and
// takes a broken loose object for one that need not be fetched, so that either has to be out of the way
// first; what can be read of a pack is kept.
func (o *Objects) damaged(kind plumbing.ObjectType, id plumbing.Hash, cause error) error {
	e := &MissingObjectError{ID: id.String(), Kind: KindName(kind), Why: fmt.Sprintf("it cannot be read (%v)", cause), Command: o.recovery(), cause: cause}
	broken, ok := errors.AsType[*brokenFileError](cause)
	if !ok || o.Remote == "" {
		return e
	}
	aside := gittext.Quoted(broken.path + ".broken")
	e.Command = fmt.Sprintf("mv %s %s && %s", gittext.Quoted(broken.path), aside, o.recovery())
	if strings.HasSuffix(broken.path, ".pack") {
		e.Command = fmt.Sprintf("mv %s %s && (git -C %s unpack-objects -q -r <%s; %s)", gittext.Quoted(broken.path), aside, gittext.Quoted(o.GitDir), aside, o.recovery())
	}
	return e
}
