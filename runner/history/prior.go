package history

import (
	"context"
	"fmt"
	"math"

	"buildbisect/runner/git"
	"buildbisect/runner/git/pattern"
	"buildbisect/runner/space"
)

// weights are how likely each level of the commit axis is to be what is looked for, by the scenario's prior;
// nil where it has none. What a merge changed is what it brought to its first parent.
func (r *Reader) weights(ctx context.Context, h *space.History) ([]float64, error) {
	prior := r.Scenario.Prior
	if len(prior.Paths) == 0 && len(prior.Commits) == 0 && !prior.Size {
		return nil, nil
	}
	defer r.Slow(fmt.Sprintf("reading what %d commits changed, for the prior", len(h.Commits)-1))()
	single := map[string]float64{}
	for revision, weight := range prior.Commits {
		commit, err := r.Repo.Resolve(revision)
		if err != nil {
			return nil, fmt.Errorf("prior.commits: %w", err)
		}
		single[commit.ID] = weight
	}
	var paths []weighedPath
	for _, p := range prior.Paths {
		set, err := pattern.Parse([]string{p.Path})
		if err != nil {
			return nil, fmt.Errorf("prior.paths: %w", err)
		}
		paths = append(paths, weighedPath{set, p.Weight})
	}
	weights := make([]float64, len(h.Commits))
	for i, c := range h.Commits {
		weights[i] = 1
		if weight, ok := single[c.ID]; ok {
			weights[i] = weight
		}
		if i == 0 || len(paths) == 0 && !prior.Size {
			continue
		}
		changed, err := r.Repo.Changes(ctx, git.Commit{ID: c.ID})
		if err != nil {
			return nil, fmt.Errorf("prior: %w", err)
		}
		for _, p := range paths {
			if p.touched(changed) {
				weights[i] *= p.weight
			}
		}
		if prior.Size {
			// Twice as large is not twice as suspect: a change of a thousand files is mostly a renaming.
			weights[i] *= 1 + math.Log2(float64(max(1, len(changed))))
		}
	}
	return weights, nil
}

type weighedPath struct {
	set    *pattern.Paths
	weight float64
}

func (p weighedPath) touched(changed []string) bool {
	for _, path := range changed {
		if p.set.Match(path) {
			return true
		}
	}
	return false
}
