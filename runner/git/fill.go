package git

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// fill reads the commits that a simplifier left.
func (h *History) fill(ctx context.Context, s *simplifier, holdsGood []bool) error {
	h.Commits = make([]Commit, 0, len(s.kept))
	h.holdsGood = make([]bool, 0, len(s.kept))
	words := interned{words: map[string]string{}, zones: map[int]*time.Location{}}
	ids := make([]string, len(s.order))
	for i, at := range s.kept {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c, err := s.repo.commit(s.order[at])
		if err != nil {
			return err
		}
		ids[at] = c.ID
		c.Parents = make([]string, len(s.followed[at]))
		for j, parent := range s.followed[at] {
			c.Parents[j] = s.text(parent, ids)
		}
		words.share(&c)
		h.Commits = append(h.Commits, c)
		h.holdsGood = append(h.holdsGood, holdsGood[at])
	}
	h.Newest = h.Commits[len(h.Commits)-1]
	return nil
}

// text is an id in digits, shared with the commit's own where that is in the range.
func (s *simplifier) text(id plumbing.Hash, ids []string) string {
	if at, ok := s.at[id]; ok && ids[at] != "" {
		return ids[at]
	}
	return id.String()
}

// interned keeps one copy of what many commits say alike. Of a million commits it saves some hundred
// megabytes.
type interned struct {
	words map[string]string
	zones map[int]*time.Location // by seconds east of UTC
}

func (in interned) share(c *Commit) {
	c.AuthorName, c.AuthorEmail = in.word(c.AuthorName), in.word(c.AuthorEmail)
	_, offset := c.When.Zone()
	if in.zones[offset] == nil {
		in.zones[offset] = c.When.Location()
	}
	c.When = c.When.In(in.zones[offset])
}

func (in interned) word(s string) string {
	if shared, ok := in.words[s]; ok {
		return shared
	}
	in.words[s] = s
	return s
}
