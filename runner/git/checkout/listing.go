package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git"
	"buildbisect/runner/git/attributes"
	"buildbisect/runner/git/gittext"
)

// file is one entry of a tar.
type file struct {
	path string // relative, with slashes
	mode filemode.FileMode
	id   plumbing.Hash   // of the blob, the tree or, for a submodule, the commit
	repo *git.Repository // that has it
	size int64           // in bytes, of files and symbolic links, once written
	top  *root           // the tree that it is part of

	attrs *attributes.Conversion // what the attributes say of it; nil: nothing
}

// lister walks the trees of one commit.
type lister struct {
	source  *Source
	commit  string
	files   []file
	roots   []*root // the commit's own first, each submodule behind the one that it lies in
	held    int     // bytes of the files' paths
	missing []git.MissingSubmodule
	attrs   converter
}

// root is the top of a repository within the tar: the commit's own, or a submodule's.
type root struct {
	repo     *git.Repository
	commit   string
	tree     plumbing.Hash
	prefix   string // "" or "path/"
	parent   *root  // of a submodule: what it lies in
	mapped   git.Mapping
	mappings *git.Mappings // of its .gitmodules, read when first needed
}

// list returns all entries of a commit's tar in the order they are written, and the trees that they are part
// of, or says what stands against unpacking it.
func (s *Source) list(ctx context.Context, commit string) ([]file, []*root, error) {
	h, err := s.repo.Header(commit)
	if err != nil {
		return nil, nil, err
	}
	l := &lister{source: s, commit: commit}
	top := &root{repo: s.repo, commit: commit, tree: h.Tree}
	l.roots = append(l.roots, top)
	if err := l.walk(ctx, top, h.Tree, "", 0, nil); err != nil {
		if tooMany, ok := errors.AsType[*git.HostileTreeError](err); ok {
			tooMany.Commit = commit
		}
		return nil, nil, err
	}
	if len(l.missing) > 0 {
		return nil, nil, (&git.SubmodulesError{Commit: commit, Missing: l.missing}).Blamed()
	}
	return l.files, l.roots, nil
}

// walk lists the tree below dir, which is "" or ends in a slash. above are the attributes of the folders that
// it lies in.
func (l *lister) walk(ctx context.Context, top *root, tree plumbing.Hash, dir string, depth int, above *attributes.Rules) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if depth > git.DeepestTree {
		return &git.HostileTreeError{Commit: l.commit, Path: dir, Why: fmt.Sprintf("more than %d folders deep", git.DeepestTree)}
	}
	entries, err := top.repo.ReadTree(tree)
	if errors.Is(err, object.ErrMalformedTree) {
		return &git.HostileTreeError{Commit: l.commit, Path: top.prefix + dir, Why: err.Error()}
	} else if err != nil {
		return fmt.Errorf("files of %s: %q: %w", gittext.Short(l.commit), top.prefix+dir, err)
	}
	rules, err := rulesIn(top.repo, entries, dir, above)
	if err != nil {
		return fmt.Errorf("files of %s: %q: %w", gittext.Short(l.commit), top.prefix+dir+attributesName, err)
	}
	seen := make(map[string]bool, len(entries))
	for _, entry := range entries {
		path := top.prefix + dir + entry.Name
		if why := hostile(entry.Name); why != "" {
			return &git.HostileTreeError{Commit: l.commit, Path: path, Why: why}
		}
		// A link and a folder of one name would let what is in the folder be written where the link points.
		if seen[entry.Name] {
			return &git.HostileTreeError{Commit: l.commit, Path: path, Why: "the name occurs twice in its folder"}
		}
		seen[entry.Name] = true
		if len(path) > git.LongestPath {
			return &git.HostileTreeError{Commit: l.commit, Path: path, Why: fmt.Sprintf("the path is longer than %d bytes", git.LongestPath)}
		}
		if l.held += len(path); len(l.files) == git.MostEntries || l.held > git.MostPathBytes {
			return &git.HostileTreeError{Commit: l.commit, Path: path, Why: fmt.Sprintf("more than %d files, or %d MB of names", git.MostEntries, git.MostPathBytes>>20)}
		}
		l.files = append(l.files, file{path: path, mode: entry.Mode, id: entry.Hash, repo: top.repo, top: top})
		switch entry.Mode {
		case filemode.Dir:
			err = l.walk(ctx, top, entry.Hash, dir+entry.Name+"/", depth+1, rules)
		case filemode.Submodule:
			if l.source.options.Submodules {
				err = l.enter(ctx, top, dir+entry.Name, entry.Hash, depth)
			}
		case filemode.Symlink:
		default:
			err = l.attrs.convert(ctx, &l.files[len(l.files)-1], rules, dir+entry.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter lists a submodule at its pinned commit, or notes that it cannot be had.
func (l *lister) enter(ctx context.Context, top *root, path string, pinned plumbing.Hash, depth int) error {
	if top.mappings == nil {
		var err error
		if top.mappings, err = top.repo.ReadMappings(top.tree); err != nil {
			return fmt.Errorf("files of %s: %w", gittext.Short(l.commit), err)
		}
	}
	module, missing, err := l.source.module(top, path, pinned)
	if err != nil {
		return err
	}
	if missing != nil {
		l.missing = append(l.missing, *missing)
		return nil
	}
	h, err := module.Objects.Header(pinned)
	if err != nil {
		return err
	}
	inner := &root{repo: module, commit: pinned.String(), tree: h.Tree, prefix: top.prefix + path + "/", parent: top, mapped: top.mappings.ByPath[path]}
	l.roots = append(l.roots, inner)
	return l.walk(ctx, inner, h.Tree, "", depth+1, nil)
}

// hostile says why a name must not be unpacked, or "".
func hostile(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case name == "." || name == "..":
		return "it would leave its folder"
	case strings.Contains(name, "/"):
		return "the name has a slash in it"
	case len(name) > git.LongestName:
		return fmt.Sprintf("the name is longer than %d bytes", git.LongestName)
	case strings.EqualFold(name, ".git"):
		return "it would be taken for a repository's own folder"
	}
	return ""
}
