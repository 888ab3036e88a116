package git

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	commitgraph "github.com/go-git/go-git/v5/plumbing/format/commitgraph/v2"
)

// Graph answers for a commit's parents and tree, from git's commit-graph file where there is one, else from
// the commit itself. Of history outside a range nothing else is read.
type Graph struct {
	objects *Objects
	index   commitgraph.Index                 // nil: none
	Shallow map[plumbing.Hash]bool            // cut here: these have no parents
	Grafts  map[plumbing.Hash][]plumbing.Hash // parents in place of a commit's own
	mu      sync.Mutex                        // guards known
	known   map[plumbing.Hash]header
}

func newGraph(at Place, objects *Objects, indexed bool) (*Graph, error) {
	shallow, err := shallowEnds(at)
	if err != nil {
		return nil, err
	}
	grafts, err := readGrafts(at)
	if err != nil {
		return nil, err
	}
	g := &Graph{objects: objects, Shallow: shallow, Grafts: grafts, known: map[plumbing.Hash]header{}}
	// The file says what was committed. Git distrusts it, too, where something else counts.
	if indexed && len(shallow) == 0 && len(grafts) == 0 && len(objects.Replaced) == 0 {
		g.index = openCommitGraph(filepath.Join(at.objectDir, "info"))
	}
	return g, nil
}

// openCommitGraph reads the file, or chain of files, into memory. It is an index and no more: where it is
// absent or cannot be read, the commits themselves say the same.
func openCommitGraph(info string) commitgraph.Index {
	if index, err := openGraphFile(filepath.Join(info, "commit-graph"), nil); err == nil {
		return index
	}
	chains := filepath.Join(info, "commit-graphs")
	file, err := os.Open(filepath.Join(chains, "commit-graph-chain"))
	if err != nil {
		return nil
	}
	defer file.Close()
	chain, err := commitgraph.OpenChainFile(file)
	if err != nil {
		return nil
	}
	var index commitgraph.Index
	for _, name := range chain {
		if index, err = openGraphFile(filepath.Join(chains, "graph-"+name+".graph"), index); err != nil {
			return nil
		}
	}
	return index
}

func openGraphFile(path string, parent commitgraph.Index) (commitgraph.Index, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return commitgraph.OpenFileIndexWithParent(inMemory{bytes.NewReader(content)}, parent)
}

// inMemory is a file that was read whole: looking a commit up takes some twenty small reads.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Parents returns id's parents as git log follows them: replaced and grafted, none where a shallow clone was
// cut.
func (g *Graph) Parents(id plumbing.Hash) ([]plumbing.Hash, error) {
	h, err := g.header(id)
	return h.parents, err
}

// Tree returns the id of a commit's tree.
func (g *Graph) Tree(id plumbing.Hash) (plumbing.Hash, error) {
	h, err := g.header(id)
	return h.Tree, err
}

func (g *Graph) header(id plumbing.Hash) (header, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h, ok := g.known[id]; ok {
		return h, nil
	}
	h, err := g.read(id)
	if err == nil {
		g.known[id] = h
	}
	return h, err
}

func (g *Graph) read(id plumbing.Hash) (header, error) {
	if g.index != nil {
		if at, err := g.index.GetIndexByHash(id); err == nil {
			if data, err := g.index.GetCommitDataByIndex(at); err == nil {
				return header{Tree: data.TreeHash, parents: data.ParentHashes}, nil
			}
		}
	}
	h, err := g.objects.Header(id)
	if grafted, ok := g.Grafts[id]; ok {
		h.parents = grafted
	}
	if g.Shallow[id] {
		h.parents = nil
	}
	return h, err
}

// Ancestors returns everything that can be reached from the given commits, themselves included, without
// passing through stop. The order is the same each time; a commit may come before or after its parents.
func (g *Graph) Ancestors(ctx context.Context, from []plumbing.Hash, stop map[plumbing.Hash]bool) (order []plumbing.Hash, set map[plumbing.Hash]bool, err error) {
	set = map[plumbing.Hash]bool{}
	var stack []plumbing.Hash
	push := func(id plumbing.Hash) {
		if !set[id] && !stop[id] {
			set[id] = true
			stack = append(stack, id)
		}
	}
	for _, id := range from {
		push(id)
	}
	for len(stack) > 0 {
		if len(order)%1024 == 0 && ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		order = append(order, id)
		parents, err := g.Parents(id)
		if err != nil {
			return nil, nil, err
		}
		for i := len(parents) - 1; i >= 0; i-- {
			push(parents[i])
		}
	}
	return order, set, nil
}
