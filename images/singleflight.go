package images

import (
	"context"
	"errors"
	"sync"

	"buildbisect/images/cache"
)

// singleFlight keeps what was made, by key, for as long as it is good. Whoever asks for what is being made
// waits for it; what went wrong is tried again by the next. The zero value is ready.
type singleFlight[T any] struct {
	mu   sync.Mutex
	made map[string]*making[T]
}

type making[T any] struct {
	turn  chan struct{} // holds a token while somebody makes it
	done  bool
	value T
}

func (o *singleFlight[T]) get(ctx context.Context, key string, make func() (T, error), good func(T) bool) (T, error) {
	m := o.at(key)
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return m.none(), context.Cause(ctx)
	}
	if m.done && good(m.value) {
		return m.value, nil
	}
	value, err := make()
	if err != nil {
		return m.none(), err
	}
	m.value, m.done = value, true
	return value, nil
}

func (o *singleFlight[T]) at(key string) *making[T] {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.made == nil {
		o.made = map[string]*making[T]{}
	}
	m := o.made[key]
	if m == nil {
		m = &making[T]{turn: make(chan struct{}, 1)}
		o.made[key] = m
	}
	return m
}

// again calls make once more if what it found in the cache was damaged: by then it is out of the way.
func again[T any](make func() (T, error)) (T, error) {
	value, err := make()
	if damaged := (*cache.DamagedError)(nil); errors.As(err, &damaged) {
		return make()
	}
	return value, err
}

func (*making[T]) none() (zero T) { return zero }
