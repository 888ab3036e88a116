package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// objects finds objects in a repository and in those it borrows from. go-git's storages are not made for callers at
// the same time, so the look-up holds a lock; reading what was found does not.
type objects struct {
	place
	mu      sync.Mutex
	stores  []*filesystem.Storage // the repository's own first
	cache   cache.Object
	partial bool
	remote  string
	adopted []*Repository // submodules, closed with this one
}

// open returns an object of the given type and a reader of its content, which the caller closes.
func (o *objects) open(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	object, reader, err := o.tryOpen(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, fs.ErrNotExist) {
		// The repository may have been repacked since its packs were listed.
		for _, store := range o.stores {
			store.Reindex()
		}
		object, reader, err = o.tryOpen(kind, id)
	}
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		missing := &MissingObjectError{ID: id.String(), Kind: kindName(kind), Partial: o.partial, Command: fmt.Sprintf("git -C %s fsck", quoted(o.gitDir))}
		if o.partial {
			missing.Command = fmt.Sprintf("git -C %s fetch --refetch --no-filter %s", quoted(o.gitDir), quoted(o.remote))
		}
		return nil, nil, missing
	case errors.Is(err, idxfile.ErrMalformedIdxFile):
		return nil, nil, fmt.Errorf("read %s %s: %w; `git -C %s repack -ad` writes the packs anew", kindName(kind), short(id.String()), err, o.gitDir)
	case err != nil:
		return nil, nil, fmt.Errorf("read %s %s: %w", kindName(kind), short(id.String()), err)
	}
	return object, reader, nil
}

func (o *objects) tryOpen(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, io.ReadCloser, error) {
	for _, store := range o.stores {
		// With alternates, ask first: a storage that lacks an object looks into its alternates by itself, opening them anew each time.
		if len(o.stores) > 1 && store.HasEncodedObject(id) != nil {
			continue
		}
		object, err := store.EncodedObject(kind, id)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		} else if err != nil {
			return nil, nil, err
		}
		reader, err := object.Reader()
		return object, reader, err
	}
	return nil, nil, plumbing.ErrObjectNotFound
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
		return nil, 0, fmt.Errorf("read %s %s: %w", kindName(kind), short(id.String()), err)
	}
	return content, object.Type(), nil
}

// has reports whether an object is here, without reading it.
func (o *objects) has(id plumbing.Hash) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, store := range o.stores {
		if store.HasEncodedObject(id) == nil {
			return true
		}
	}
	return false
}

// withPrefix returns the ids that begin with the given bytes, in any order, each once.
func (o *objects) withPrefix(prefix []byte) ([]plumbing.Hash, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, store := range o.stores {
		ids, err := store.HashesWithPrefix(prefix)
		if err != nil {
			return nil, fmt.Errorf("look up %x: %w", prefix, err)
		}
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
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

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for _, store := range o.stores {
		errs = append(errs, store.Close())
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
