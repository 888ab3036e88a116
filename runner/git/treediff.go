package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git/gittext"
	"buildbisect/runner/git/pattern"
)

// treeDiff finds the files in which trees differ. It reads trees only, and of those only what the two do not
// share: a folder with the same id in both is the same all the way down.
//
// go-git's own differ decodes each tree into objects of its own, and cannot be limited to paths or stopped
// early.
type treeDiff struct {
	objects *Objects
	commit  string                 // what errors speak of
	paths   *pattern.Paths         // nil: all
	found   func(path string) bool // false: that is enough
	limit   int                    // entries that may differ: a few trees can name each other into billions
}

// emptyTree is the id that git knows without having the object.
var emptyTree = plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

// differ calls found with each file, link and submodule that is not the same in trees a and b; the zero id is
// the empty tree. A file that takes the place of a folder, or a folder that takes a file's, counts as all
// files of both.
func (d *treeDiff) differ(ctx context.Context, a, b plumbing.Hash) error {
	_, err := d.walk(ctx, a, b, "", 0)
	return err
}

// walk compares two trees that lie at dir, which is "" or ends in a slash. more is false when found had
// enough.
func (d *treeDiff) walk(ctx context.Context, a, b plumbing.Hash, dir string, depth int) (more bool, err error) {
	if a == b {
		return true, nil
	}
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	if depth > DeepestTree {
		return false, &HostileTreeError{Commit: d.commit, Path: dir, Why: fmt.Sprintf("more than %d folders deep", DeepestTree)}
	}
	left, err := d.read(a, dir)
	if err != nil {
		return false, err
	}
	right, err := d.read(b, dir)
	if err != nil {
		return false, err
	}
	for !left.over() || !right.over() {
		// Of two entries the one whose turn it is comes alone, both if they are of one name.
		var x, y treeEntry
		switch order := left.compare(right); {
		case order < 0:
			x = left.entry
		case order > 0:
			y = right.entry
		default:
			x, y = left.entry, right.entry
		}
		if x.mode != 0 {
			err = errors.Join(err, left.advance())
		}
		if y.mode != 0 {
			err = errors.Join(err, right.advance())
		}
		if err != nil {
			return false, fmt.Errorf("changes of %s: %q: %w", gittext.Short(d.commit), dir, err)
		}
		if x.mode == y.mode && x.id == y.id {
			continue
		}
		if more, err := d.entry(ctx, x, y, dir, depth); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// entry compares what one name stands for in two trees; a missing one has no mode.
func (d *treeDiff) entry(ctx context.Context, x, y treeEntry, dir string, depth int) (more bool, err error) {
	path := dir + string(x.name)
	if x.mode == 0 {
		path = dir + string(y.name)
	}
	if d.limit--; d.limit < 0 || len(path) > LongestPath {
		return false, &HostileTreeError{Commit: d.commit, Path: path, Why: "too many files, or too long a path"}
	}
	if x.mode == filemode.Dir || y.mode == filemode.Dir {
		if d.paths != nil && !d.paths.MayHold(path+"/") {
			return true, nil
		}
		return d.walk(ctx, x.id, y.id, path+"/", depth+1)
	}
	submodule := x.mode == filemode.Submodule || y.mode == filemode.Submodule
	if d.paths != nil && !d.paths.MatchEntry(path, submodule) {
		return true, nil
	}
	return d.found(path), nil
}

func (d *treeDiff) read(tree plumbing.Hash, dir string) (*treeReader, error) {
	r := &treeReader{}
	if tree.IsZero() || tree == emptyTree {
		return r, nil
	}
	content, _, err := d.objects.Read(plumbing.TreeObject, tree)
	if err == nil {
		r.rest = content
		err = r.advance()
	}
	if err != nil {
		return nil, fmt.Errorf("changes of %s: %q: %w", gittext.Short(d.commit), dir, err)
	}
	return r, nil
}

// treeEntry is a line of a tree. Modes are as git compares them: of a file's only whether it is executable.
type treeEntry struct {
	mode filemode.FileMode // 0: none
	name []byte
	id   plumbing.Hash
}

// treeReader reads a tree's entries in order, without copying them.
type treeReader struct {
	entry treeEntry // the next one
	rest  []byte
}

func (r *treeReader) over() bool { return r.entry.mode == 0 }

func (r *treeReader) advance() error {
	if len(r.rest) == 0 {
		r.entry = treeEntry{}
		return nil
	}
	mode, rest, ok := bytes.Cut(r.rest, []byte(" "))
	name, rest, named := bytes.Cut(rest, []byte{0})
	if !ok || !named || len(name) == 0 || len(rest) < len(r.entry.id) {
		return errors.New("the tree is damaged")
	}
	r.entry = treeEntry{mode: canonical(mode), name: name, id: plumbing.Hash(rest[:len(r.entry.id)])}
	r.rest = rest[len(r.entry.id):]
	return nil
}

// canonical reads an octal mode. Old repositories have modes such as 100664, which git takes for 100644.
func canonical(octal []byte) filemode.FileMode {
	var mode uint32
	for _, digit := range octal {
		mode = mode<<3 | uint32(digit-'0')
	}
	switch mode >> 12 {
	case 0o04:
		return filemode.Dir
	case 0o10:
		if mode&0o100 != 0 {
			return filemode.Executable
		}
		return filemode.Regular
	case 0o12:
		return filemode.Symlink
	}
	return filemode.Submodule
}

// compare orders the next entries as git orders trees, a folder as if its name ended in a slash; what is over
// comes last.
func (r *treeReader) compare(other *treeReader) int {
	switch {
	case r.over():
		return 1
	case other.over():
		return -1
	}
	a, b := r.entry.name, other.entry.name
	n := min(len(a), len(b))
	if order := bytes.Compare(a[:n], b[:n]); order != 0 {
		return order
	}
	return int(r.entry.after(n)) - int(other.entry.after(n))
}

// after is the byte that follows the first n of the name.
func (e treeEntry) after(n int) byte {
	switch {
	case n < len(e.name):
		return e.name[n]
	case e.mode == filemode.Dir:
		return '/'
	}
	return 0
}
