package git

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/xrash/smetrics"

	"buildbisect/runner/git/gittext"
)

// near returns at most three names of refs, or short ids, that look like name, nearest first.
func (r *Repository) near(name string) []string {
	const most = 3
	type candidate struct {
		name     string
		distance int
	}
	var all []candidate
	if refs, err := r.refs.IterReferences(); err == nil {
		seen := map[string]bool{}
		_ = refs.ForEach(func(ref *plumbing.Reference) error {
			text := ref.Name().Short()
			if d := smetrics.WagnerFischer(strings.ToLower(name), strings.ToLower(text), 1, 1, 1); d <= 1+len(name)/3 && !seen[text] {
				seen[text] = true
				all = append(all, candidate{text, d})
			}
			return nil
		})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var names []string
	for _, c := range all[:min(most, len(all))] {
		names = append(names, c.name)
	}
	// An id copied with a mistake: those that begin like it.
	for digits := min(len(name), 12); isHex(name) && digits >= 4 && len(names) == 0; digits-- {
		ids, err := r.commitsLike(strings.ToLower(name[:digits]))
		if err != nil {
			break
		}
		for _, id := range ids[:min(most, len(ids))] {
			names = append(names, gittext.Short(id.String()))
		}
	}
	return names
}
