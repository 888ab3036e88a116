package lab

import (
	"context"
	"fmt"
	"io"
	"sync"

	"buildbisect/runner/backend"
	"buildbisect/runner/space"
)

// common is what the trees of the lab's space have in common.
type common struct {
	mu    sync.Mutex
	space *space.Space // that key is of
	key   string
}

// borrowed is how a tree gets what it has in common with others.
type borrowed struct {
	key string // "": it has nothing in common
	at  string // where its box finds that; "": the tree brings it along
}

// share has the engine take in what the trees of the space have in common, once, for a box like spec.
//
// A box that starts containers itself has it in its tree: what it mounts into those, or builds images from,
// must be whole in there, too.
func (l *Lab) share(ctx context.Context, spec backend.BoxSpec) (borrowed, error) {
	source, ok := l.Source.(Borrower)
	if !ok {
		return borrowed{}, nil
	}
	key, err := l.common.of(ctx, l.Space, source)
	if err != nil || key == "" {
		return borrowed{}, err
	}
	engine, ok := backend.As[backend.Sharer](l.Backend)
	if !ok || spec.Dockerd != nil || spec.Socket {
		return borrowed{key: key}, nil
	}
	at, err := engine.Share(ctx, backend.ShareSpec{Key: key, Image: spec.Image, Labels: l.Labels}, func(w io.Writer) error {
		return source.WriteShared(ctx, key, w)
	})
	if err != nil {
		return borrowed{}, fmt.Errorf("share what trees have in common: %w", err)
	}
	return borrowed{key, at}, nil
}

// of gives the key, which is another when a space takes the place of the ladder down which a good commit was
// looked for.
func (c *common) of(ctx context.Context, space *space.Space, source Borrower) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.space == space {
		return c.key, nil
	}
	commits := make([]string, len(space.History.Commits))
	for i, commit := range space.History.Commits {
		commits[i] = commit.ID
	}
	key, err := source.Shared(ctx, commits)
	if err == nil {
		c.space, c.key = space, key
	}
	return key, err
}
