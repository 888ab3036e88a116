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

// objects finds objects in a repository and in those it borrows from. The look-up is not made for callers at
// the same time, so it holds a lock; reading what was found does not.
//
// Two ways lead to an object. What git shows and checks out (files, trees, messages, history) is read by
// open, read and header: where `git replace` put another object in its place, that one comes, under the old
// id. What is copied as an object, under its own id, as into a pack, is read by openRaw.
type objects struct {
	place
	mu       sync.Mutex
	stores   []*store // the repository's own first
	missing  []string // object folders that it should borrow from, and that are not there
	replaced map[plumbing.Hash]plumbing.Hash
	cache    cache.Object
	partial  bool
	remote   string        // to fetch what is not here from, or ""
	url      string        // where the repository was cloned from, or ""
	adopted  []*Repository // submodules, closed with this one
	closers  []func()      // called before it is closed
}

// open returns an object of the given type as git reads it, replaced where it is replaced, and a reader of
// its content, which the caller closes.
func (o *objects) open(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	by, err := o.replacement(id)
	if err != nil {
		return nil, nil, err
	}
	return o.openRaw(kind, by)
}

// openRaw returns the very object that has the id.
func (o *objects) openRaw(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	object, reader, err := o.tryOpen(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, fs.ErrNotExist) {
		// The repository may have been repacked since its packs were listed.
		for _, store := range o.stores {
			store.reload()
		}
		object, reader, err = o.tryOpen(kind, id)
	}
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, nil, o.lacking(kind, id)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("read %s %s: %w; run bisect as a user who may read it", kindName(kind), gittext.Short(id.String()), err)
	case err != nil:
		return nil, nil, o.damaged(kind, id, err)
	}
	return object, reader, nil
}

func (o *objects) tryOpen(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	var broken error
	for _, store := range o.stores {
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

// delta returns an object as a pack here has it, as what is different from another one; false where none has
// it so.
func (o *objects) delta(id plumbing.Hash) (base plumbing.Hash, delta []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, store := range o.stores {
		if base, delta, ok = store.delta(id); ok {
			return base, delta, true
		}
	}
	return base, nil, false
}

// read returns an object's whole content.
func (o *objects) read(kind plumbing.ObjectType, id plumbing.Hash) (content []byte, found plumbing.ObjectType, err error) {
	object, reader, err := o.open(kind, id)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	content = make([]byte, object.Size())
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, 0, fmt.Errorf("read %s %s: %w", kindName(kind), gittext.Short(id.String()), err)
	}
	return content, object.Type(), nil
}

// has reports whether an object is here, or what replaces it, without reading it.
func (o *objects) has(id plumbing.Hash) bool {
	by, err := o.replacement(id)
	if err != nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.stores, func(s *store) bool { return s.has(by) })
}

// withPrefix returns the ids that begin with the given bytes, in any order, each once.
func (o *objects) withPrefix(prefix []byte) ([]plumbing.Hash, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, store := range o.stores {
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

// adopt has a submodule's repository closed with this one.
func (o *objects) adopt(module *Repository) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.adopted = append(o.adopted, module)
}

// closeWith has something let go of with the repository.
func (o *objects) closeWith(closer func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closers = append(o.closers, closer)
}

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, closer := range o.closers {
		closer()
	}
	var errs []error
	for _, store := range o.stores {
		errs = append(errs, store.close())
	}
	for _, module := range o.adopted {
		errs = append(errs, module.Close())
	}
	return errors.Join(errs...)
}

func kindName(kind plumbing.ObjectType) string {
	if kind == plumbing.AnyObject {
		return "object"
	}
	return kind.String()
}

// kind tells what an object is; [plumbing.InvalidObject] if it is not here, as after a partial or damaged
// clone.
func (o *objects) kind(id plumbing.Hash) (plumbing.ObjectType, error) {
	object, content, err := o.openRaw(plumbing.AnyObject, id)
	if missing := (*MissingObjectError)(nil); errors.As(err, &missing) {
		return plumbing.InvalidObject, nil
	} else if err != nil {
		return plumbing.InvalidObject, err
	}
	return object.Type(), content.Close()
}
