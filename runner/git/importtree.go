package git

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// node is a file, or a folder when children is set. Nodes are never changed once made: a commit shares with its
// parent all it did not touch.
type node struct {
	mode     filemode.FileMode
	id       plumbing.Hash    // of a folder: zero until stored
	children map[string]*node // nil for what is no folder
}

func folder(children map[string]*node) *node {
	return &node{mode: filemode.Dir, children: children}
}

// at returns what lies at path, or nil.
func (n *node) at(path []string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		n = n.children[name]
	}
	return n
}

// with returns n with leaf at path; nil removes. A file in the way becomes a folder, and a folder left empty is gone.
func (n *node) with(path []string, leaf *node) *node {
	if len(path) == 0 {
		return leaf
	}
	var below *node
	children := map[string]*node{}
	if n != nil && n.children != nil {
		below = n.children[path[0]]
		maps.Copy(children, n.children)
	}
	if made := below.with(path[1:], leaf); made == nil {
		delete(children, path[0])
	} else {
		children[path[0]] = made
	}
	if len(children) == 0 {
		return nil
	}
	return folder(children)
}

// store stores a folder and all below it as trees and returns its id.
func (n *node) store(m *imported) plumbing.Hash {
	if n == nil {
		return m.add(plumbing.TreeObject, nil)
	}
	if n.children == nil || !n.id.IsZero() {
		return n.id
	}
	// Git orders a folder as if its name ended in a slash.
	key := func(name string) string {
		if n.children[name].children != nil {
			return name + "/"
		}
		return name
	}
	names := slices.SortedFunc(maps.Keys(n.children), func(a, b string) int { return strings.Compare(key(a), key(b)) })
	var content bytes.Buffer
	for _, name := range names {
		child := n.children[name]
		id := child.store(m)
		fmt.Fprintf(&content, "%o %s\x00", uint32(child.mode), name)
		content.Write(id[:])
	}
	n.id = m.add(plumbing.TreeObject, content.Bytes())
	return n.id
}
