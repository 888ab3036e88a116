package runner

import (
	"context"

	"buildbisect/bisect"
)

// loaded is an image on its way into the engine, or there.
type loaded struct {
	turn chan struct{} // holds a token while one of those who need it sees to it
	id   string        // the engine's; "" until it is there
}

// Prepare builds every base and tool that the space names, so that what cannot be had is known before the first trial.
func (l *Lab) Prepare(ctx context.Context) error {
	most := 0
	for _, a := range l.Space.axes {
		most = max(most, len(a.Levels))
	}
	for i := range max(most, 1) {
		p := l.Space.Good()
		for axis, a := range l.Space.axes {
			p[axis+1] = min(i, len(a.Levels)-1)
		}
		if _, err := l.Images.Image(ctx, l.Space.spec(l.Scenario.Builder, p)); err != nil {
			return err
		}
	}
	return nil
}

// image has the builder image of p composed, loaded and checked, once for each image. Whoever needs the same image meanwhile waits.
func (l *Lab) image(ctx context.Context, p bisect.Point) (string, error) {
	spec := l.Space.spec(l.Scenario.Builder, p)
	identity, err := l.Images.Identity(spec)
	if err != nil {
		return "", err
	}
	entry := l.entry(identity)
	select {
	case entry.turn <- struct{}{}:
		defer func() { <-entry.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if entry.id != "" {
		return entry.id, nil
	}
	image, err := l.Images.Image(ctx, spec)
	if err != nil {
		return "", err
	}
	id, err := l.Engine.Load(ctx, image)
	if err != nil {
		return "", err
	}
	if err := l.Engine.Check(ctx, id, image.Checks); err != nil {
		return "", err
	}
	entry.id = id
	return id, nil
}

func (l *Lab) entry(identity string) *loaded {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded == nil {
		l.loaded = map[string]*loaded{}
	}
	entry := l.loaded[identity]
	if entry == nil {
		entry = &loaded{turn: make(chan struct{}, 1)}
		l.loaded[identity] = entry
	}
	return entry
}
