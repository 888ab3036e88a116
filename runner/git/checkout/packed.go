package checkout

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittext"
)

// packed is a pack with its index, in temporary files that have no name: nothing is left of them, even if we
// are killed.
type packed struct {
	name      string // pack-ID
	pack, idx *os.File
	lacks     int  // objects that a partial clone does not have
	partial   bool // it is of a partial clone
}

func (p *packed) close() {
	p.pack.Close()
	p.idx.Close()
}

// write adds the pack to a tar of a .git, or of something like its objects.
func (p *packed) write(out *tar.Writer, objects string) error {
	if err := writeDir(out, objects+"/pack"); err != nil {
		return err
	}
	at := objects + "/pack/" + p.name
	if p.partial { // what it does not have, git may then take for not fetched yet
		if err := writeContent(out, at+".promisor", 0, FileTime(), bytes.NewReader(nil)); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		file *os.File
		name string
	}{{p.pack, at + ".pack"}, {p.idx, at + ".idx"}} {
		info, err := f.file.Stat()
		if err != nil {
			return err
		}
		// Several trials may read it at the same time.
		if err := writeContent(out, f.name, info.Size(), FileTime(), io.NewSectionReader(f.file, 0, info.Size())); err != nil {
			return err
		}
	}
	return nil
}

// packReachable packs exactly what can be reached from tips: not what else lies in the repository, as other
// branches' commits, or such as somebody has taken back. Git does it in a second where ours takes many,
// because it finds objects faster; it reads none of the repository's config, which may name programs to run.
// Where there is no git, or it cannot do it, ours says what is wrong.
func packReachable(ctx context.Context, r *git.Repository, tips []plumbing.Hash, shown *slow) (*packed, error) {
	shown.begin()
	defer shown.end()
	made, err := packWithGit(ctx, r, tips)
	if err == nil || ctx.Err() != nil {
		return made, err
	}
	return packByOurselves(ctx, r, tips, shown)
}

func packByOurselves(ctx context.Context, r *git.Repository, tips []plumbing.Hash, shown *slow) (_ *packed, err error) {
	reach := &reach{repo: r, seen: map[plumbing.Hash]bool{}, shown: shown}
	if err := reach.all(ctx, tips); err != nil {
		return nil, err
	}
	made := &packed{lacks: reach.lacks, partial: r.Objects.Partial}
	if made.pack, err = nameless(); err != nil {
		return nil, err
	}
	if made.idx, err = nameless(); err != nil {
		made.pack.Close()
		return nil, err
	}
	buffered := bufio.NewWriterSize(made.pack, 256<<10)
	p, err := newPack(buffered, len(reach.ids))
	if err == nil {
		err = p.copyAll(ctx, r.Objects, reach.ids, shown)
	}
	if err == nil {
		var idx []byte
		if made.name, idx, err = p.finish(); err == nil {
			_, err = made.idx.Write(idx)
		}
	}
	if err = errors.Join(err, buffered.Flush()); err != nil {
		made.close()
		return nil, err
	}
	return made, nil
}

// nameless makes a temporary file without a name.
func nameless() (*os.File, error) {
	file, err := os.CreateTemp("", "bisect-pack-")
	if err != nil {
		return nil, fmt.Errorf("a temporary pack: %w", err)
	}
	return file, os.Remove(file.Name())
}

// reach lists what can be reached.
type reach struct {
	repo  *git.Repository
	ids   []plumbing.Hash
	seen  map[plumbing.Hash]bool
	lacks int
	shown *slow
}

// add notes an object that was not there before.
func (c *reach) add(id plumbing.Hash) (isNew bool) {
	if c.seen[id] {
		return false
	}
	c.seen[id] = true
	c.ids = append(c.ids, id)
	c.shown.count("found", len(c.ids), 0)
	return true
}

func (c *reach) all(ctx context.Context, tips []plumbing.Hash) error {
	var commits, trees []plumbing.Hash
	for _, id := range tips {
		for kind := plumbing.TagObject; kind == plumbing.TagObject; {
			var err error
			if kind, err = c.repo.Objects.Kind(id); err != nil {
				return err
			}
			switch kind {
			case plumbing.TagObject:
				c.add(id)
				if id, err = c.repo.Tagged(id); err != nil {
					return err
				}
			case plumbing.CommitObject:
				commits = append(commits, id)
			case plumbing.TreeObject:
				trees = append(trees, id)
			case plumbing.BlobObject:
				c.add(id)
			default:
				return &git.MissingObjectError{ID: id.String(), Kind: git.KindName(plumbing.AnyObject), Partial: c.repo.Objects.Partial,
					Command: fmt.Sprintf("git -C %s fsck", gittext.Quoted(c.repo.GitDir))}
			}
		}
	}
	order, _, err := c.repo.Graph.Ancestors(ctx, commits, nil)
	if err != nil {
		return err
	}
	for _, id := range order {
		c.add(id)
		tree, err := c.repo.Graph.Tree(id)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
	}
	for _, id := range trees {
		if err := c.tree(ctx, id, 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *reach) tree(ctx context.Context, id plumbing.Hash, depth int) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.seen[id]:
		return nil
	case depth > git.DeepestTree:
		return nil // no commit with such a tree is built; git gives up on it, too
	case !c.here(id):
		return nil
	}
	c.add(id)
	entries, err := c.repo.ReadTree(id)
	if errors.Is(err, object.ErrMalformedTree) {
		return nil // whose tree it is has a trial that says so
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.Mode == filemode.Submodule || c.seen[e.Hash]:
		case e.Mode == filemode.Dir:
			if err := c.tree(ctx, e.Hash, depth+1); err != nil {
				return err
			}
		case c.here(e.Hash):
			c.add(e.Hash)
		}
	}
	return nil
}

// here reports whether an object is in the repository, and counts it if it is not: a partial clone lacks
// some, and a damaged repository is no reason not to build what it has.
func (c *reach) here(id plumbing.Hash) bool {
	if c.repo.Objects.Has(id) {
		return true
	}
	c.seen[id] = true
	c.lacks++
	return false
}

// slow shows that something takes long.
type slow struct {
	what  string
	show  func(string)
	timer *time.Timer
	last  time.Time
}

// slow begins what may take long; what is short is not shown.
func (s *Source) slow(what string) *slow {
	show := s.options.Progress
	if show == nil {
		show = func(string) {}
	}
	return &slow{what: what, show: show}
}

func (s *slow) begin() {
	s.last = time.Now()
	s.timer = time.AfterFunc(time.Second, func() { s.show("packing " + s.what) })
}

func (s *slow) end() { s.timer.Stop() }

// count shows a figure every few seconds; of 0: nobody knows of how many.
func (s *slow) count(what string, n, of int) {
	if n%1000 != 0 || time.Since(s.last) < 5*time.Second {
		return
	}
	s.last = time.Now()
	figure := fmt.Sprint(n)
	if of > 0 {
		figure += fmt.Sprint(" of ", of)
	}
	s.show(fmt.Sprintf("packing %s: %s objects %s", s.what, figure, what))
}
