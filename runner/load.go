package runner

import (
	"context"
	"errors"

	"buildbisect/images"
)

// loaded is an image on its way into the engine, or there.
type loaded struct {
	turn    chan struct{} // holds a token while one of those who need it sees to it
	id      string        // the engine's; "" until it is there
	useless error         // why nothing can be tested in it, if so
}

// Prepare builds every base, tool and engine that the space names, so that what cannot be had is known before the first trial.
func (l *Lab) Prepare(ctx context.Context) error { return l.Images.Prepare(ctx, l.Specs()) }

// Specs names, together, every base, tool and engine of the space, each at least once.
func (l *Lab) Specs() []images.Spec {
	most := 0
	for _, a := range l.Space.axes {
		most = max(most, len(a.Levels))
	}
	var specs []images.Spec
	for i := range max(most, 1) {
		p := l.Space.Good()
		for axis, a := range l.Space.axes {
			p[axis+1] = min(i, len(a.Levels)-1)
		}
		specs = append(specs, l.Space.spec(l.Scenario.Builder, p))
		if engine, ok := l.Space.engine(l.Scenario.Builder, p); ok {
			specs = append(specs, images.Spec{Base: engine.Base})
		}
	}
	return specs
}

// image has the builder image of spec composed, loaded and checked, once for each image. Whoever needs the same image meanwhile waits.
func (l *Lab) image(ctx context.Context, spec images.Spec) (string, error) {
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
	if entry.id != "" || entry.useless != nil {
		return entry.id, entry.useless
	}
	image, id, err := l.load(ctx, spec)
	if damaged := (interface{ Damaged() })(nil); errors.As(err, &damaged) && ctx.Err() == nil {
		l.Warn(err.Error())
		image, id, err = l.load(ctx, spec) // of parts made anew
	}
	if err != nil {
		return "", err
	}
	err = l.Engine.Check(ctx, id, image.Checks)
	if u := Untestable(nil); errors.As(err, &u) {
		entry.useless = err
	}
	if err != nil {
		return "", err
	}
	entry.id = id
	return id, nil
}

func (l *Lab) load(ctx context.Context, spec images.Spec) (*images.Image, string, error) {
	image, err := l.Images.Image(ctx, spec)
	if err != nil {
		return nil, "", err
	}
	id, err := l.Engine.Load(ctx, image)
	return image, id, err
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
