package git

import (
	"errors"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

func TestRevisionsMeanWhatTheyMeanToGit(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 5)
	gittest.Run(t, dir, "tag", "-a", "-m", "annotated", "rel-1.0", "v2")
	gittest.Run(t, dir, "tag", "-a", "-m", "a tag of a tag", "rel-again", "rel-1.0")
	gittest.Run(t, dir, "checkout", "-q", "-b", "side/one", "v2")
	gittest.Run(t, dir, "commit", "-q", "--allow-empty", "-m", "side one")
	gittest.Run(t, dir, "checkout", "-q", "-b", "side/two", "v3")
	gittest.Run(t, dir, "commit", "-q", "--allow-empty", "-m", "side two")
	gittest.Run(t, dir, "checkout", "-q", "main")
	gittest.Run(t, dir, "merge", "-q", "--no-ff", "-m", "octopus\nof two\n\nbody", "side/one", "side/two")
	gittest.Run(t, dir, "branch", "abcd", "v1") // spelled like an id
	gittest.Run(t, dir, "update-ref", "refs/remotes/origin/next", "v2")
	gittest.Run(t, dir, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/next")
	gittest.Run(t, dir, "pack-refs", "--all")
	gittest.Run(t, dir, "branch", "loose", "v4")
	head := gittest.Run(t, dir, "rev-parse", "HEAD")

	r := open(t, dir)
	for _, rev := range []string{
		"HEAD", "@", "main", "loose", "side/one", "refs/heads/main", "heads/main", "v3", "tags/v3", "rel-1.0", "rel-again", "rel-again^{}", "rel-1.0^{commit}~1",
		"HEAD~2", "HEAD^", "HEAD^0", "HEAD^1", "HEAD^2", "HEAD^3", "HEAD^3~1", "HEAD~~", "HEAD^2^", "@~1", "origin", "origin/next", "abcd",
		head, head[:7], head[:9], strings.ToUpper(head[:8]), "rel-1.0-4-g" + head[:8],
	} {
		want := gittest.Run(t, dir, "rev-parse", "--verify", "-q", rev+"^{commit}")
		if got, err := r.Resolve(rev); err != nil || got.ID != want {
			t.Errorf("%s is %s %v, want %s", rev, got.ID, err, want)
		}
	}
	c := resolve(t, r, "HEAD")
	if c.Subject != "octopus of two" || c.AuthorName != "A U Thor" || c.AuthorEmail != "author@example.com" || c.When.Unix() != 1600000000 || len(c.Parents) != 3 {
		t.Errorf("HEAD is read as %+v", c)
	}
}

func TestWhatIsNotUnderstoodIsRefusedAndNeverGuessed(t *testing.T) {
	t.Parallel()
	r := open(t, gittest.Line(t, 3))
	for _, rev := range []string{"", "HEAD@{1}", "HEAD:number", ":/2", "HEAD^{/2}", "v1..v2", "HEAD^{tree}", "HEAD~x", "v2^2", "HEAD~99", "HEAD~99999999999999999999", "HEAD^{", "config", "v1^{commit"} {
		_, err := r.Resolve(rev)
		var not *NotFoundError
		if !errors.As(err, &not) {
			t.Errorf("%q: got %v, want a NotFoundError", rev, err)
		}
	}
	tree := gittest.Run(t, r.WorkTree, "rev-parse", "HEAD^{tree}")
	if _, err := r.Resolve(tree); err == nil || !strings.Contains(err.Error(), "names a tree") {
		t.Errorf("a tree: %v", err)
	}
}

func TestAnUnknownRevisionSaysWhatIsNear(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 3)
	gittest.Run(t, dir, "tag", "v20.10.2", "v1")
	gittest.Run(t, dir, "branch", "release-1.21", "v1")
	r := open(t, dir)
	for rev, want := range map[string]string{"20.10.2": "v20.10.2", "mian": "main", "release-1.22": "release-1.21", "V20.10.1": "v20.10.2"} {
		_, err := r.Resolve(rev)
		var not *NotFoundError
		if !errors.As(err, &not) || len(not.Near) == 0 || not.Near[0] != want {
			t.Errorf("%s: got %v, want %s first", rev, err, want)
		}
	}
	// An id with its last digits wrong.
	id := resolve(t, r, "v2").ID
	_, err := r.Resolve(id[:8] + strings.Repeat("0", 32))
	var not *NotFoundError
	if !errors.As(err, &not) || len(not.Near) != 1 || not.Near[0] != id[:10] {
		t.Errorf("got %v, want %s near", err, id[:10])
	}
}

func TestAShortIDOfTwoCommitsNamesBoth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	// Some 1,200 commits collide in four digits with all but certainty (1200²/2/65536 = 11 pairs expected),
	// and always the same ones.
	for n := range 1200 {
		commitText(&b, n, nil, 1600000000)
	}
	r := importText(t, dir, b.String())
	ids := map[string]string{}
	for _, id := range strings.Fields(gittest.Run(t, r.GitDir, "rev-list", "--all")) {
		other, found := ids[id[:4]]
		if !found {
			ids[id[:4]] = id
			continue
		}
		_, err := r.Resolve(id[:4])
		var ambiguous *AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) < 2 {
			t.Fatalf("%s, which begins %s and %s: %v", id[:4], id, other, err)
		}
		if !strings.Contains(err.Error(), id[:10]) || !strings.Contains(err.Error(), other[:10]) {
			t.Errorf("%v names not both %s and %s", err, id, other)
		}
		return
	}
	t.Fatal("no two ids begin alike; the test tests nothing")
}
