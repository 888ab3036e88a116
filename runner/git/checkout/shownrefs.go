package checkout

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git"
)

// shownRefs are what a .git in a build says beside HEAD.
type shownRefs struct {
	tags     []tag        // that lead to commits
	replaced []replaceRef // of objects, as `git replace` makes them
}

// tag is one tag of a repository that leads to a commit.
type tag struct {
	ref    plumbing.ReferenceName
	id     plumbing.Hash   // what the ref says
	chain  []plumbing.Hash // the tag objects on the way, none for a lightweight tag
	commit plumbing.Hash
}

// replaceRef is one ref below refs/replace.
type replaceRef struct {
	ref      plumbing.ReferenceName
	id       plumbing.Hash // what is read instead
	original plumbing.Hash
	commit   bool // original is a commit
}

// within is what a clone of the commits alone would have: tags of these, and what stands for objects of
// theirs.
func (r *shownRefs) within(commits map[plumbing.Hash]bool) *shownRefs {
	return &shownRefs{
		tags:     slices.DeleteFunc(slices.Clone(r.tags), func(t tag) bool { return !commits[t.commit] }),
		replaced: slices.DeleteFunc(slices.Clone(r.replaced), func(p replaceRef) bool { return p.commit && !commits[p.original] }),
	}
}

// tips are the objects that the refs name, beyond the commits that they are within.
func (r *shownRefs) tips() (ids []plumbing.Hash) {
	for _, t := range r.tags {
		if len(t.chain) > 0 {
			ids = append(ids, t.id)
		}
	}
	for _, p := range r.replaced {
		ids = append(ids, p.id)
	}
	return ids
}

// packed is the refs as the file packed-refs.
func (r *shownRefs) packed() []byte {
	var b bytes.Buffer
	b.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for _, p := range r.replaced {
		fmt.Fprintf(&b, "%s %s\n", p.id, p.ref)
	}
	for _, t := range r.tags {
		fmt.Fprintf(&b, "%s %s\n", t.id, t.ref)
		if len(t.chain) > 0 {
			fmt.Fprintf(&b, "^%s\n", t.commit)
		}
	}
	return b.Bytes()
}

// refsOf reads a repository's refs, ordered by name, once.
func (s *Source) refsOf(r *git.Repository) (*shownRefs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.refs[r]; known != nil {
		return known, nil
	}
	all, err := r.Refs.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	found := &shownRefs{}
	err = all.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() != plumbing.HashReference || !ref.Name().IsTag() {
			return nil
		}
		t, ok, err := followTag(r, ref)
		if ok {
			found.tags = append(found.tags, t)
		}
		return err
	})
	if err == nil {
		found.replaced, err = replaceRefs(r)
	}
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	slices.SortFunc(found.tags, func(a, b tag) int { return strings.Compare(string(a.ref), string(b.ref)) })
	slices.SortFunc(found.replaced, func(a, b replaceRef) int { return strings.Compare(string(a.ref), string(b.ref)) })
	s.refs[r] = found
	return found, nil
}

// followTag finds the commit that a tag leads to, if it leads to one.
func followTag(r *git.Repository, ref *plumbing.Reference) (t tag, ok bool, err error) {
	t = tag{ref: ref.Name(), id: ref.Hash(), commit: ref.Hash()}
	for {
		kind, err := r.Objects.Kind(t.commit)
		switch {
		case err != nil || kind != plumbing.CommitObject && kind != plumbing.TagObject:
			return t, false, err
		case kind == plumbing.CommitObject:
			return t, true, nil
		}
		t.chain = append(t.chain, t.commit)
		if t.commit, err = r.Tagged(t.commit); err != nil {
			return t, false, err
		}
	}
}

// replaceRefs are the replacements that count in the repository, of objects that it has.
func replaceRefs(r *git.Repository) (all []replaceRef, err error) {
	for original, by := range r.Objects.Replaced {
		p := replaceRef{ref: plumbing.ReferenceName(git.ReplaceBase + original.String()), id: by, original: original}
		kind, err := r.Objects.Kind(original)
		if err != nil {
			return nil, err
		}
		p.commit = kind == plumbing.CommitObject
		there, err := r.Objects.Kind(by)
		if err != nil {
			return nil, err
		}
		if kind != plumbing.InvalidObject && there != plumbing.InvalidObject {
			all = append(all, p)
		}
	}
	return all, nil
}

// graftsIn is the file info/grafts for the given commits.
func graftsIn(r *git.Repository, commits map[plumbing.Hash]bool) []byte {
	var lines []string
	for id, parents := range r.Graph.Grafts {
		if commits[id] {
			lines = append(lines, git.GraftText(id, parents))
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}
