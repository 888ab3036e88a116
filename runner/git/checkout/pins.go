package checkout

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git"
)

// pins finds the commits that submodules are pinned at, over many commits: of submodules' submodules too.
type pins struct {
	source   *Source
	modules  []*pinnedModule // in the order in which they were met
	mappings map[plumbing.Hash]*git.Mappings
	trees    map[plumbing.Hash]map[string]entry // of folders that lead to a submodule, or may
	entered  map[pin]bool
	seen     map[*git.Repository]map[plumbing.Hash]bool // commits whose history was followed
}

type pinnedModule struct {
	repo   *git.Repository
	path   string
	pinned []plumbing.Hash
}

type entry struct {
	mode filemode.FileMode
	id   plumbing.Hash
}

// pin is a commit of a submodule's repository.
type pin struct {
	repo   *git.Repository
	commit plumbing.Hash
}

// of notes what the given commits of r pin. What cannot be had is passed over: a trial that needs it says so.
func (p *pins) of(ctx context.Context, r *git.Repository, prefix string, commits []plumbing.Hash) error {
	if p.entered == nil {
		p.mappings, p.trees, p.entered = map[plumbing.Hash]*git.Mappings{}, map[plumbing.Hash]map[string]entry{}, map[pin]bool{}
		p.seen = map[*git.Repository]map[plumbing.Hash]bool{}
	}
	for i, commit := range commits {
		if i%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.entered[pin{r, commit}] || len(p.entered) == git.MostEntries {
			continue
		}
		p.entered[pin{r, commit}] = true
		tree, err := r.Graph.Tree(commit)
		if err != nil {
			continue
		}
		file, ok := p.lookUp(r, tree, ".gitmodules")
		if !ok || file.mode != filemode.Regular && file.mode != filemode.Executable {
			continue
		}
		mapped := p.mappings[file.id]
		if mapped == nil {
			if mapped, err = r.ParseMappings(file.id); err != nil {
				continue
			}
			p.mappings[file.id] = mapped
		}
		for _, at := range slices.Sorted(maps.Keys(mapped.ByPath)) {
			pinned, ok := p.lookUp(r, tree, at)
			if !ok || pinned.mode != filemode.Submodule || p.entered[pin{r, pinned.id}] {
				continue
			}
			top := &root{repo: r, commit: commit.String(), prefix: prefix, mappings: mapped}
			module, missing, err := p.source.module(top, at, pinned.id)
			if err != nil || missing != nil {
				continue
			}
			p.note(module, prefix+at, pinned.id)
			inner, err := p.history(ctx, module, pinned.id)
			if err != nil {
				return err
			}
			if err := p.of(ctx, module, prefix+at+"/", inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// history is a commit of a submodule, and where that has submodules of its own, all before it that were not
// looked into yet: a diff of two of them names what both pin.
func (p *pins) history(ctx context.Context, module *git.Repository, commit plumbing.Hash) ([]plumbing.Hash, error) {
	tree, err := module.Graph.Tree(commit)
	if err != nil {
		return []plumbing.Hash{commit}, nil
	}
	if _, ok := p.lookUp(module, tree, ".gitmodules"); !ok {
		return []plumbing.Hash{commit}, nil
	}
	if p.seen[module] == nil {
		p.seen[module] = map[plumbing.Hash]bool{}
	}
	all, _, err := module.Graph.Ancestors(ctx, []plumbing.Hash{commit}, p.seen[module])
	if err != nil && ctx.Err() == nil {
		return []plumbing.Hash{commit}, nil // its history is not all here
	}
	for _, id := range all {
		p.seen[module][id] = true
	}
	return all, err
}

func (p *pins) note(r *git.Repository, path string, commit plumbing.Hash) {
	if p.entered[pin{r, commit}] {
		return
	}
	for _, m := range p.modules {
		if m.repo == r {
			m.pinned = append(m.pinned, commit)
			return
		}
	}
	p.modules = append(p.modules, &pinnedModule{r, path, []plumbing.Hash{commit}})
}

// lookUp finds a path in a tree. Few folders lead to submodules, and most commits leave those as they are:
// they are remembered.
func (p *pins) lookUp(r *git.Repository, tree plumbing.Hash, name string) (entry, bool) {
	if path.Clean(name) != name || strings.Count(name, "/") > git.DeepestTree {
		return entry{}, false
	}
	at := entry{filemode.Dir, tree}
	for part := range strings.SplitSeq(name, "/") {
		if at.mode != filemode.Dir {
			return entry{}, false
		}
		known, ok := p.trees[at.id]
		if !ok {
			list, err := r.ReadTree(at.id)
			if err != nil {
				return entry{}, false
			}
			known = map[string]entry{}
			for _, e := range list {
				known[e.Name] = entry{e.Mode, e.Hash}
			}
			if len(p.trees) > 1000 {
				clear(p.trees) // a root tree is another in each commit
			}
			p.trees[at.id] = known
		}
		if at, ok = known[part]; !ok {
			return entry{}, false
		}
	}
	return at, true
}
