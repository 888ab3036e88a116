package git

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git/gittest"
)

// tips are the refs that every form has some of.
var tips = []string{"--glob=refs/heads/b[0-9]*", "--glob=refs/tags/*", "--glob=refs/remotes/origin/b*"}

// comparison is a repository and what git says of it.
type comparison struct {
	t    *testing.T
	dir  string
	env  []string
	repo *Repository
}

func (c comparison) git(stdin string, args ...string) string {
	c.t.Helper()
	out, err := gittest.In(c.t, c.dir, c.env, stdin, args...)
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "hint:") && !strings.HasPrefix(line, "warning:") && !strings.HasPrefix(line, "error:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func (c comparison) top() string {
	if strings.TrimSpace(c.git("", "rev-parse", "--is-bare-repository")) == "true" {
		return strings.TrimSpace(c.git("", "rev-parse", "--absolute-git-dir"))
	}
	if c.repo.WorkTree == "" || strings.TrimSpace(c.git("", "rev-parse", "--is-inside-work-tree")) == "false" {
		return c.repo.Path() // git knows no top from here
	}
	return strings.TrimSpace(c.git("", "rev-parse", "--show-toplevel"))
}

// revisions compares what names mean, those that mean nothing included.
func (c comparison) revisions() (compared int64) {
	names := []string{"HEAD", "@", "absent", "garbage", "empty", "nowhere", "loop", "spaced", "pure", "linked", "linked2", "refs/heads/b7.lock", "config", "b7.lock", "origin"}
	for n := range worldSize + 2 {
		for _, pattern := range []string{"b%d", "t%d", "a%d", "heads/b%d", "refs/tags/a%d", "tags/t%d", "remotes/origin/b%d", "origin/b%d", "main-worktree/refs/heads/b%d"} {
			names = append(names, fmt.Sprintf(pattern, n))
		}
	}
	for id := range strings.FieldsSeq(c.git("", append([]string{"rev-list"}, tips...)...)) {
		names = append(names, id, id[:7], id[:12], strings.ToUpper(id[:9]))
	}
	var all []string
	for i, name := range names {
		all = append(all, name, name+[]string{"^", "~2", "^2", "^0", "^{}", "^{commit}", "~1^2~1", "^3"}[i%8])
	}
	answers := strings.Split(c.git(strings.Join(all, "^{commit}\n")+"^{commit}\n", "cat-file", "--batch-check=%(objectname)"), "\n")
	for i, rev := range all {
		want, _, missing := strings.Cut(answers[i], " ")
		got, err := c.repo.resolve(rev)
		if missing && err == nil {
			c.t.Errorf("%s is %s, git has nothing of that name", rev, got)
		} else if !missing && (err != nil || got.String() != want) {
			c.t.Errorf("%s is %s (%v), git says %s", rev, got, err, want)
		}
	}
	return int64(len(all))
}

// history compares every commit's parents, tree, author and subject.
func (c comparison) history() (compared int64) {
	for line := range strings.Lines(c.git("", append([]string{"log", "--format=%H%x09%P%x09%T%x09%an%x09%s"}, tips...)...)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		compared++
		commit, err := c.repo.Resolve(fields[0])
		if err != nil {
			c.t.Error(err)
			continue
		}
		id := plumbing.NewHash(commit.ID)
		parents, err := c.repo.Graph.Parents(id)
		if err != nil {
			c.t.Error(err)
		}
		tree, err := c.repo.Graph.Tree(id)
		var words []string
		for _, p := range parents {
			words = append(words, p.String())
		}
		if got := []string{commit.ID, strings.Join(words, " "), tree.String(), commit.AuthorName, commit.Subject}; err != nil || !slices.Equal(got, fields) {
			c.t.Errorf("%q (%v), git says %q", got, err, fields)
		}
		if !slices.Equal(commit.Parents, words) {
			c.t.Errorf("%s: parents %v as a commit, %v as history", commit.ID, commit.Parents, words)
		}
	}
	return compared
}

// walk gives every file of a tree.
func (c comparison) walk(tree plumbing.Hash, dir string, found func(path string, entry object.TreeEntry)) {
	entries, err := c.repo.ReadTree(tree)
	if err != nil {
		c.t.Error(err)
	}
	for _, entry := range entries {
		switch {
		case entry.Mode == filemode.Dir:
			c.walk(entry.Hash, dir+entry.Name+"/", found)
		case entry.Mode.IsFile():
			found(dir+entry.Name, entry)
		}
	}
}

// files compares every file of some commits.
func (c comparison) files(entries, contents *atomic.Int64) {
	ids := strings.Fields(c.git("", append([]string{"rev-list"}, tips...)...))
	for _, id := range []string{ids[0], ids[len(ids)/2], ids[len(ids)-1]} {
		tree, err := c.repo.Tree(c.t.Context(), id)
		if err != nil {
			c.t.Error(err)
			continue
		}
		var got, blobs []string
		c.walk(plumbing.NewHash(tree), "", func(path string, entry object.TreeEntry) {
			got = append(got, fmt.Sprintf("%06o %s\t%s", uint32(entry.Mode), entry.Hash, path))
			blobs = append(blobs, entry.Hash.String())
		})
		slices.Sort(got)
		var want []string
		for line := range strings.Lines(c.git("", "ls-tree", "-r", "--format=%(objectmode) %(objectname)%x09%(path)", id)) {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			c.t.Errorf("files of %s:\n%q\ngit says\n%q", id, got, want)
		}
		entries.Add(int64(len(want)))
		var ours strings.Builder
		for _, blob := range blobs {
			content, kind, err := c.repo.Objects.Read(plumbing.AnyObject, plumbing.NewHash(blob))
			if err != nil {
				c.t.Error(err)
			}
			fmt.Fprintf(&ours, "%s %s %d\n%s\n", blob, kind, len(content), content)
			contents.Add(1)
		}
		if theirs := c.git(strings.Join(blobs, "\n")+"\n", "cat-file", "--batch"); ours.String() != theirs {
			c.t.Errorf("contents of %s: %q, git says %q", id, ours.String(), theirs)
		}
	}
}
