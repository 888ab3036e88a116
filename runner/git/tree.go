package git

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git/gittext"
)

// What a hostile tree can cost: a few objects can name each other into billions of files.
const (
	DeepestTree   = 512       // folders in folders
	MostEntries   = 5_000_000 // entries
	MostPathBytes = 512 << 20 // bytes of all paths together
)

// What Linux takes, in bytes; git itself cannot check out more either. An engine would call it a failure of
// its own.
const (
	LongestName = 255
	LongestPath = 3900 // of 4095: the rest is for the folder that the tar is unpacked in
)

// ReadTree lists the entries of one tree.
func (r *Repository) ReadTree(id plumbing.Hash) ([]object.TreeEntry, error) {
	content, _, err := r.Objects.Read(plumbing.TreeObject, id)
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
