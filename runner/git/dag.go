package git

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// DAG returns the history as nodes 0 to len(Commits). Node 0 is the good side (Good, or the merge bases taken
// as one) and node i is Commits[i-1]. parents[i] are the nodes of its parents, as rewritten, ascending and
// each once, with 0 for any parent outside the range; a root commit has none. containsGood[i] reports whether
// the whole good side is among the commit's ancestors as committed: it is false for what was forked before
// good, of which a good build at node 0 says nothing.
func (h *History) DAG() (parents [][]int, containsGood []bool) {
	node := make(map[string]int, len(h.Commits))
	for i, c := range h.Commits {
		node[c.ID] = i + 1
	}
	parents = make([][]int, len(h.Commits)+1)
	for i, c := range h.Commits {
		for _, parent := range c.Parents {
			parents[i+1] = append(parents[i+1], node[parent])
		}
		slices.Sort(parents[i+1])
		parents[i+1] = slices.Compact(parents[i+1])
	}
	return parents, append([]bool{true}, h.holdsGood...)
}

// parentsFirst orders the commits of set so that parents come before children and last comes last. Each line
// of history stays together, a first parent's before a second's.
func (g *Graph) parentsFirst(ctx context.Context, last plumbing.Hash, set map[plumbing.Hash]bool) ([]plumbing.Hash, error) {
	type frame struct {
		id   plumbing.Hash
		rest []plumbing.Hash // parents still to visit
	}
	visited := map[plumbing.Hash]bool{}
	var stack []frame
	push := func(id plumbing.Hash) error {
		if visited[id] || !set[id] {
			return nil
		}
		visited[id] = true
		parents, err := g.Parents(id)
		stack = append(stack, frame{id, parents})
		return err
	}
	if err := push(last); err != nil {
		return nil, err
	}
	order := make([]plumbing.Hash, 0, len(set))
	for len(stack) > 0 {
		if len(order)%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		top := &stack[len(stack)-1]
		if len(top.rest) == 0 {
			order = append(order, top.id)
			stack = stack[:len(stack)-1]
			continue
		}
		next := top.rest[0]
		top.rest = top.rest[1:]
		if err := push(next); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// holders reports for each commit of order, parents first, whether all tops of the good side are its
// ancestors. There is one top but for criss-cross merges, where there are a few.
func (g *Graph) holders(ctx context.Context, order, tops []plumbing.Hash) ([]bool, error) {
	all := make([]bool, len(order))
	for i := range all {
		all[i] = true
	}
	for _, top := range tops {
		holds := map[plumbing.Hash]bool{top: true}
		for i, id := range order {
			if i%1024 == 0 && ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			parents, err := g.Parents(id)
			if err != nil {
				return nil, err
			}
			// Of the good side's commits only the top itself contains the top, for no top is an ancestor of
			// another, and what lies between a top and good cannot be reached from bad.
			holds[id] = slices.ContainsFunc(parents, func(p plumbing.Hash) bool { return holds[p] })
			all[i] = all[i] && holds[id]
		}
	}
	return all, nil
}

func inOrder(set map[plumbing.Hash]bool) []plumbing.Hash {
	return slices.SortedFunc(maps.Keys(set), func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
}

// FirstParents walks back from a commit along first parents and yields their full ids, the commit's own
// first, a root last. Nothing but parents is read, and no further than the caller goes.
//
// An error comes once, as the last pair, with no id: a *ShallowError where the clone was cut, so that there
// is more but not here; the context's cause; or what could not be read.
func (r *Repository) FirstParents(ctx context.Context, from Commit) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id := plumbing.NewHash(from.ID); ; {
			if ctx.Err() != nil {
				yield("", context.Cause(ctx))
				return
			}
			if !yield(id.String(), nil) {
				return
			}
			if r.Graph.Shallow[id] {
				yield("", r.shallowError([]plumbing.Hash{id}))
				return
			}
			parents, err := r.Graph.Parents(id)
			if err != nil {
				yield("", err)
				return
			}
			if len(parents) == 0 {
				return
			}
			id = parents[0]
		}
	}
}
