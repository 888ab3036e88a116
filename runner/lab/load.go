package lab

import (
	"context"
	"errors"

	"buildbisect/bisect"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// loaded is an image on its way into the engine, or there.
type loaded struct {
	turn    chan struct{} // holds a token while one of those who need it sees to it
	id      string        // the engine's; "" until it is there
	useless error         // why nothing can be tested in it, if so
}

// Prepare builds the bases, tools and engines that the space names, so that what cannot be had is known
// before the first trial: of a long timeline its two ends.
func (l *Lab) Prepare(ctx context.Context) error {
	return l.Images.Prepare(ctx, l.Space.EarlySpecs(l.Scenario.Builder))
}

// Specs names, together, every base, tool and engine of the space, each at least once.
func (l *Lab) Specs() []catalogue.Spec { return l.Space.AllSpecs(l.Scenario.Builder) }

// SpecsAt names the builder image of a point, and behind it that of the engine beside the build, if there is
// one.
func (l *Lab) SpecsAt(p bisect.Point) []catalogue.Spec { return l.Space.SpecsAt(l.Scenario.Builder, p) }

// image has the builder image of spec composed, loaded and checked, once for each image. Whoever needs the
// same image meanwhile waits.
func (l *Lab) image(ctx context.Context, spec catalogue.Spec) (string, error) {
	identity, err := l.Images.Identity(ctx, spec)
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
	if err == nil {
		err = l.Backend.Check(ctx, id, image.Checks)
	}
	if u := backend.Untestable(nil); errors.As(err, &u) {
		entry.useless = err
	}
	if err != nil {
		return "", err
	}
	entry.id = id
	return id, nil
}

func (l *Lab) load(ctx context.Context, spec catalogue.Spec) (*images.Image, string, error) {
	image, err := l.Images.Image(ctx, spec)
	if err != nil {
		return nil, "", err
	}
	id, err := l.Backend.Load(ctx, image)
	return image, id, err
}

// forget has every image looked for in the engine again, before it is next used.
func (l *Lab) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded = nil
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
