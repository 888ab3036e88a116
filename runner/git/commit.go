package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git/gittext"
)

// Commit is what reports say of one commit.
type Commit struct {
	ID          string   // 40 hex digits
	Parents     []string // as git log has them (replaced, grafted), first parent first; in a History, as rewritten
	Subject     string   // the first paragraph of the message, on one line
	AuthorName  string
	AuthorEmail string
	When        time.Time // committed, in the committer's zone
}

// Short is the id as people write it.
func (c Commit) Short() string { return gittext.Short(c.ID) }

func (c Commit) String() string { return strings.TrimSpace(c.Short() + " " + c.Subject) }

// commit reads one commit whole.
func (r *Repository) commit(id plumbing.Hash) (Commit, error) {
	content, _, err := r.Objects.Read(plumbing.CommitObject, id)
	if err != nil {
		return Commit{}, err
	}
	encoded := &plumbing.MemoryObject{}
	encoded.SetType(plumbing.CommitObject)
	if _, err := encoded.Write(gittext.CommitInUTF8(content)); err != nil {
		return Commit{}, err
	}
	decoded, err := object.DecodeCommit(nil, encoded)
	if err != nil {
		return Commit{}, fmt.Errorf("read commit %s: %w", gittext.Short(id.String()), err)
	}
	c := Commit{
		ID:          id.String(),
		Subject:     subject(decoded.Message),
		AuthorName:  gittext.Printable(decoded.Author.Name),
		AuthorEmail: gittext.Printable(decoded.Author.Email),
		When:        decoded.Committer.When,
	}
	parents, err := r.Graph.Parents(id)
	for _, parent := range parents {
		c.Parents = append(c.Parents, parent.String())
	}
	return c, err
}

func subject(message string) string {
	paragraph, _, _ := strings.Cut(strings.TrimLeft(strings.ReplaceAll(message, "\r\n", "\n"), "\n"), "\n\n")
	return gittext.Printable(strings.Join(strings.Fields(paragraph), " "))
}

// header is the part of a commit that walks need. Reading it alone is several times cheaper than decoding it
// all.
type header struct {
	Tree    plumbing.Hash
	parents []plumbing.Hash
}

func parseHeader(content []byte) (header, error) {
	var h header
	for len(content) > 0 {
		line, rest, _ := bytes.Cut(content, []byte("\n"))
		content = rest
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch string(key) {
		case "tree":
			h.Tree = plumbing.NewHash(string(value))
		case "parent":
			h.parents = append(h.parents, plumbing.NewHash(string(value)))
		default: // author: the parents are over
			content = nil
		}
	}
	if h.Tree.IsZero() {
		return header{}, errors.New("it names no tree")
	}
	return h, nil
}

// Header reads the part of a commit that walks need.
func (o *Objects) Header(id plumbing.Hash) (header, error) {
	content, _, err := o.Read(plumbing.CommitObject, id)
	if err != nil {
		return header{}, err
	}
	h, err := parseHeader(content)
	if err != nil {
		return header{}, fmt.Errorf("read commit %s: %w", gittext.Short(id.String()), err)
	}
	return h, nil
}

// Tree returns the id of the tree of a commit, given by its full id.
func (r *Repository) Tree(ctx context.Context, commit string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", context.Cause(ctx)
	}
	h, err := r.Header(commit)
	if err != nil {
		return "", err
	}
	return h.Tree.String(), nil
}

// Header reads the part of a commit, given by its full id, that walks need.
func (r *Repository) Header(commit string) (header, error) {
	if len(commit) != 40 || !IsHex(commit) {
		return header{}, fmt.Errorf("files of %q: not a full commit id; resolve it first", commit)
	}
	return r.Objects.Header(plumbing.NewHash(commit))
}
