package checkout

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittext"
)

// The objects of a history are many times larger than the files of a commit, and almost the same for all
// commits of a run. So they are not part of each commit's tar: the .git in it borrows them from a place where
// they lie once, by its objects/info/alternates.

// share is what the .gits of some commits borrow. How many digits git gives to an abbreviated id depends on
// how many objects it sees: here as many in each commit's .git, as many as in a clone of the newest commits
// of the share and their tags. In a repository that has other branches, or has grown since, git may show a
// digit more.
type share struct {
	key  string
	sets []*objectSet // each repository's, the commits' own first
}

// objectSet is the objects of one repository: all that can be reached from tips.
type objectSet struct {
	repo      *git.Repository
	path      string // from the top of the repository that the commits are of; "" for that itself
	tips      []plumbing.Hash
	contained map[plumbing.Hash]bool // commits

	mu   sync.Mutex
	made *packed // nil: not made yet, or let go of
}

// folder is where the set's objects lie in what is shared.
func (t *objectSet) folder() string {
	hash := sha256.New()
	for _, id := range t.tips {
		hash.Write(id[:])
	}
	return path.Join(hex.EncodeToString(hash.Sum(nil))[:20], "objects")
}

// Shared gives the key of what .gits of the given commits, full ids, and of their ancestors share: what
// [Source.WriteShared] writes. Equal keys stand for equal objects. It is "" where there is nothing to share.
func (s *Source) Shared(ctx context.Context, commits []string) (key string, err error) {
	if !s.options.Git {
		return "", nil
	}
	heads := make([]plumbing.Hash, len(commits))
	for i, commit := range commits {
		if _, err := s.repo.Header(commit); err != nil {
			return "", err
		}
		heads[i] = plumbing.NewHash(commit)
	}
	sh := &share{}
	top, err := s.objectSet(ctx, s.repo, "", heads)
	if err != nil {
		return "", fmt.Errorf("history of %d commits: %w", len(commits), err)
	}
	sh.sets = append(sh.sets, top)
	if s.options.Submodules {
		pinned := &pins{source: s}
		if err := pinned.of(ctx, s.repo, "", heads); err != nil {
			return "", err
		}
		for _, m := range pinned.modules {
			of, err := s.objectSet(ctx, m.repo, m.path, m.pinned)
			if err != nil {
				// Only trials of commits that pin it need it, and they find the same.
				continue
			}
			sh.sets = append(sh.sets, of)
		}
	}
	hash := sha256.New()
	for _, t := range sh.sets {
		fmt.Fprintln(hash, t.folder())
	}
	sh.key = hex.EncodeToString(hash.Sum(nil))[:20]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shares[sh.key] == nil {
		s.shares[sh.key] = sh
	}
	return sh.key, nil
}

func (s *Source) share(key string) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shares[key]
}

// objectSet finds what is to be packed of a repository, and reads no more of it than its commits.
func (s *Source) objectSet(ctx context.Context, r *git.Repository, path string, heads []plumbing.Hash) (*objectSet, error) {
	var parents []plumbing.Hash
	for _, id := range heads {
		above, err := r.Graph.Parents(id)
		if err != nil {
			return nil, err
		}
		parents = append(parents, above...)
	}
	_, below, err := r.Graph.Ancestors(ctx, parents, nil)
	if err != nil {
		return nil, err
	}
	t := &objectSet{repo: r, path: path}
	for _, id := range heads {
		if !below[id] {
			t.tips = append(t.tips, id)
		}
	}
	if _, t.contained, err = r.Graph.Ancestors(ctx, t.tips, nil); err != nil {
		return nil, err
	}
	all, err := s.refsOf(r)
	if err != nil {
		return nil, err
	}
	t.tips = append(t.tips, all.within(t.contained).tips()...)
	slices.SortFunc(t.tips, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	t.tips = slices.Compact(t.tips)
	return t, nil
}

// of is the set that has a commit of a repository, nil if none has.
func (sh *share) of(r *git.Repository, commit plumbing.Hash) *objectSet {
	for _, t := range sh.sets {
		if t.repo == r && t.contained[commit] {
			return t
		}
	}
	return nil
}

// WriteShared streams the objects that were named key by [Source.Shared], as a tar of folders that git can
// borrow from.
func (s *Source) WriteShared(ctx context.Context, key string, w io.Writer) error {
	out := tar.NewWriter(w)
	written := map[string]bool{}
	for _, t := range s.share(key).sets {
		if written[t.folder()] { // two clones of one submodule
			continue
		}
		written[t.folder()] = true
		if err := s.writeSet(ctx, out, t); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeSet writes one folder. The pack is let go of: it is on its way to where it is needed.
func (s *Source) writeSet(ctx context.Context, out *tar.Writer, t *objectSet) error {
	pack, err := s.pack(ctx, t)
	if err != nil {
		return err
	}
	defer t.letGo()
	for _, dir := range []string{path.Dir(t.folder()), t.folder(), t.folder() + "/info"} {
		if err := writeDir(out, dir); err != nil {
			return err
		}
	}
	return pack.write(out, t.folder())
}

// pack gives a set's pack, which is made where it is not there.
func (s *Source) pack(ctx context.Context, t *objectSet) (*packed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made != nil {
		return t.made, nil
	}
	what := "the history that git sees in builds"
	if t.path != "" {
		what += ", of submodule " + gittext.Printable(t.path)
	}
	made, err := packReachable(ctx, t.repo, t.tips, s.slow(what))
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", what, err)
	}
	s.warnOfCut(t, made.lacks)
	t.made = made
	return made, nil
}

func (t *objectSet) letGo() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made != nil {
		t.made.close()
		t.made = nil
	}
}

func (s *Source) closeShares() {
	for _, sh := range s.shares {
		for _, t := range sh.sets {
			t.letGo()
		}
	}
}

// warnOfCut notes what git in a build cannot know because the repository does not.
func (s *Source) warnOfCut(t *objectSet, lacks int) {
	whose, in := "the repository", t.repo.Path()
	if t.path != "" {
		whose, in = "submodule "+gittext.Printable(t.path), t.repo.GitDir
	}
	var text []string
	if len(t.repo.CutsIn(t.contained)) > 0 {
		text = append(text, fmt.Sprintf("%s is a shallow clone: git in builds sees only the %d commits that it has, and describe may not find a tag; to have all: git -C %s fetch --unshallow",
			whose, len(t.contained), gittext.Quoted(in)))
	}
	if lacks > 0 && !t.repo.Objects.Partial {
		text = append(text, fmt.Sprintf("%s lacks %d objects of its history and may be damaged: git commands in builds that read those fail; examine it with: git -C %s fsck",
			whose, lacks, gittext.Quoted(in)))
	} else if lacks > 0 {
		text = append(text, fmt.Sprintf("%s is a partial clone without %d objects of its history: git commands in builds that read those fail; to have all: git -C %s fetch --refetch --no-filter %s",
			whose, lacks, gittext.Quoted(in), gittext.Quoted(t.repo.Objects.Remote)))
	}
	if len(text) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[t.path] = strings.Join(text, "; ")
}
