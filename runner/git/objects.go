package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"

	"buildbisect/runner/git/gittext"
)

// Objects finds objects in a repository and in those it borrows from. The look-up is not made for callers at
// the same time, so it holds a lock; reading what was found does not.
//
// Two ways lead to an object. What git shows and checks out (files, trees, messages, history) is read by
// open, read and header: where `git replace` put another object in its place, that one comes, under the old
// id. What is copied as an object, under its own id, as into a pack, is read by openRaw.
type Objects struct {
	Place
	mu       sync.Mutex
	Stores   []*store // the repository's own first
	missing  []string // object folders that it should borrow from, and that are not there
	Replaced map[plumbing.Hash]plumbing.Hash
	Cache    cache.Object
	Partial  bool
	Remote   string        // to fetch what is not here from, or ""
	URL      string        // where the repository was cloned from, or ""
	adopted  []*Repository // submodules, closed with this one
	closers  []func()      // called before it is closed
}

// Open returns an object of the given type as git reads it, replaced where it is replaced, and a reader of
// its content, which the caller closes.
func (o *Objects) Open(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	by, err := o.replacement(id)
	if err != nil {
		return nil, nil, err
	}
	return o.OpenRaw(kind, by)
}

// OpenRaw returns the very object that has the id.
func (o *Objects) OpenRaw(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	object, reader, err := o.tryOpen(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, fs.ErrNotExist) {
		// The repository may have been repacked since its packs were listed.
		for _, store := range o.Stores {
			store.reload()
		}
		object, reader, err = o.tryOpen(kind, id)
	}
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, nil, o.lacking(kind, id)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("read %s %s: %w; run bisect as a user who may read it", KindName(kind), gittext.Short(id.String()), err)
	case err != nil:
		return nil, nil, o.damaged(kind, id, err)
	}
	return object, reader, nil
}

func (o *Objects) tryOpen(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	var broken error
	for _, store := range o.Stores {
		object, err := store.find(id)
		if err == nil && kind != plumbing.AnyObject && object.Type() != kind {
			return nil, nil, fmt.Errorf("it is a %s", object.Type())
		}
		var reader io.ReadCloser
		if err == nil {
			reader, err = object.Reader()
		}
		if err == nil {
			return object, reader, nil
		}
		if !errors.Is(err, plumbing.ErrObjectNotFound) && broken == nil {
			broken = err
		}
	}
	if broken != nil {
		return nil, nil, broken
	}
	return nil, nil, plumbing.ErrObjectNotFound
}

// Delta returns an object as a pack here has it, as what is different from another one; false where none has
// it so.
func (o *Objects) Delta(id plumbing.Hash) (base plumbing.Hash, delta []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, store := range o.Stores {
		if base, delta, ok = store.delta(id); ok {
			return base, delta, true
		}
	}
	return base, nil, false
}

// Read returns an object's whole content.
func (o *Objects) Read(kind plumbing.ObjectType, id plumbing.Hash) (content []byte, found plumbing.ObjectType, err error) {
	object, reader, err := o.Open(kind, id)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	content = make([]byte, object.Size())
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, 0, fmt.Errorf("read %s %s: %w", KindName(kind), gittext.Short(id.String()), err)
	}
	return content, object.Type(), nil
}

// Has reports whether an object is here, or what replaces it, without reading it.
func (o *Objects) Has(id plumbing.Hash) bool {
	by, err := o.replacement(id)
	if err != nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.Stores, func(s *store) bool { return s.has(by) })
}

// withPrefix returns the ids that begin with the given bytes, in any order, each once.
func (o *Objects) withPrefix(prefix []byte) ([]plumbing.Hash, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, store := range o.Stores {
		err := store.withPrefix(prefix, func(id plumbing.Hash) {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("look up %x: %w", prefix, err)
		}
	}
	return all, nil
}

// Adopt has a submodule's repository closed with this one.
func (o *Objects) Adopt(module *Repository) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.adopted = append(o.adopted, module)
}

// CloseWith has something let go of with the repository.
func (o *Objects) CloseWith(closer func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closers = append(o.closers, closer)
}

func (o *Objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, closer := range o.closers {
		closer()
	}
	var errs []error
	for _, store := range o.Stores {
		errs = append(errs, store.close())
	}
	for _, module := range o.adopted {
		errs = append(errs, module.Close())
	}
	return errors.Join(errs...)
}

// KindName is what git calls a kind of object.
func KindName(kind plumbing.ObjectType) string {
	if kind == plumbing.AnyObject {
		return "object"
	}
	return kind.String()
}

// Kind tells what an object is; [plumbing.InvalidObject] if it is not here, as after a partial or damaged
// clone.
func (o *Objects) Kind(id plumbing.Hash) (plumbing.ObjectType, error) {
	object, content, err := o.OpenRaw(plumbing.AnyObject, id)
	if missing := (*MissingObjectError)(nil); errors.As(err, &missing) {
		return plumbing.InvalidObject, nil
	} else if err != nil {
		return plumbing.InvalidObject, err
	}
	return object.Type(), content.Close()
}
