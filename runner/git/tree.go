package git

import (
	"buildbisect/runner/git/gittext"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// What a hostile tree can cost: a few objects can name each other into billions of files.
const (
	deepest = 512       // folders in folders
	most    = 5_000_000 // entries
	memory  = 512 << 20 // bytes of all paths together
)

// What Linux takes, in bytes; git itself cannot check out more either. An engine would call it a failure of
// its own.
const (
	longestName = 255
	longestPath = 3900 // of 4095: the rest is for the folder that the tar is unpacked in
)

func (r *Repository) readTree(id plumbing.Hash) ([]object.TreeEntry, error) {
	content, _, err := r.objects.read(plumbing.TreeObject, id)
	if err != nil {
		return nil, err
	}
	encoded := &plumbing.MemoryObject{}
	encoded.SetType(plumbing.TreeObject)
	if _, err := encoded.Write(content); err != nil {
		return nil, err
	}
	tree, err := object.DecodeTree(nil, encoded)
	if errors.Is(err, object.ErrMalformedTree) {
		return nil, fmt.Errorf("tree %s cannot be read: %w", gittext.Short(id.String()), err)
	} else if err != nil {
		return nil, err
	}
	return tree.Entries, nil
}
