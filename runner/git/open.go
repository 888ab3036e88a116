package git

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"

	"buildbisect/runner/git/gittext"
)

// Repository is one repository, read in place. Its methods may be called at the same time; Close ends them
// all.
type Repository struct {
	Place
	Refs    *refs
	Objects *Objects
	Graph   *Graph
	NoModes bool // its file system does not keep the executable bit
}

// Path is the top of the repository's work tree, or the repository itself if it is bare.
func (r *Repository) Path() string { return r.top() }

// OpenAt opens the repository at a known place. Submodules share their parent's cache, and so its bound on
// memory.
func OpenAt(at Place, shared cache.Object, env Environment) (*Repository, error) {
	r, err := assemble(at, shared, env)
	if not, ok := errors.AsType[*NotRepositoryError](err); ok {
		not.Path = at.GitDir
		return nil, not
	} else if err != nil {
		return nil, &NotRepositoryError{Path: at.GitDir, Why: err.Error()}
	}
	return r, nil
}

func assemble(at Place, shared cache.Object, env Environment) (*Repository, error) {
	f, err := readFormat(at, env)
	if err != nil {
		return nil, err
	}
	switch {
	case at.fixed:
	case at.named && f.bare:
		at.WorkTree = ""
	case f.workTree != "":
		at.WorkTree = f.workTree
	}
	names := &refs{gitDir: at.GitDir, commonDir: commonDir(at.GitDir)}
	replaced, err := readReplacements(at, f, names)
	if err != nil {
		return nil, err
	}
	folders, missing, err := objectFolders(at)
	if err != nil {
		return nil, err
	}
	objects := &Objects{Place: at, missing: missing, Replaced: replaced, Cache: shared, Partial: f.partial, Remote: f.remote, URL: f.url}
	for _, dir := range folders {
		objects.Stores = append(objects.Stores, &store{Dir: dir, cache: shared})
	}
	graph, err := newGraph(at, objects, !f.noGraph)
	if err != nil {
		return nil, err
	}
	return &Repository{Place: at, Refs: names, Objects: objects, Graph: graph, NoModes: f.noModes}, nil
}

// Close lets go of the open packs.
func (r *Repository) Close() error {
	return r.Objects.close()
}

// shallowEnds reads where a shallow clone was cut: commits whose parents are not here.
func shallowEnds(at Place) (map[plumbing.Hash]bool, error) {
	text, err := gittext.ReadFile(filepath.Join(at.CommonDir, "shallow"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	ends := map[plumbing.Hash]bool{}
	for line := range strings.FieldsSeq(string(text)) {
		ends[plumbing.NewHash(line)] = true
	}
	return ends, nil
}
