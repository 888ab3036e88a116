package checkout

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

func TestTheRepositoryIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 5)
	gittest.Run(t, dir, "gc", "-q")
	before := gittest.Snapshot(t, dir)
	r := opened(t, dir)
	good, bad := resolved(t, r, "v2"), resolved(t, r, "HEAD")
	if _, err := r.History(t.Context(), good, bad, git.HistoryOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve("no-such-thing"); err == nil {
		t.Fatal("found no-such-thing")
	}
	unpack(t, NewSource(r, SourceOptions{Git: true, Submodules: true}), bad.ID)
	if after := gittest.Snapshot(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestARepackBesideUsTakesNothingAway(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 6)
	r := opened(t, dir)
	resolved(t, r, "v1") // the list of packs is now read
	gittest.Run(t, dir, "gc", "-q", "--prune=now")
	if got := resolved(t, r, "v4").Subject; got != "4" {
		t.Errorf("v4 is %q", got)
	}
	gittest.WriteFiles(t, dir, map[string]string{"new": "new\n"})
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "-q", "-m", "7")
	gittest.Run(t, dir, "repack", "-q", "-a", "-d")
	got := unpack(t, NewSource(r, SourceOptions{}), resolved(t, r, "HEAD").ID)
	if content, err := os.ReadFile(filepath.Join(got, "new")); err != nil || string(content) != "new\n" {
		t.Errorf("new holds %q, %v", content, err)
	}
}

func TestAMissingObjectOfAPartialCloneSaysHowToFetchIt(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 3)
	gittest.Run(t, dir, "config", "uploadpack.allowFilter", "true")
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "--bare", "--filter=blob:none", "file://"+dir, clone)
	r := opened(t, clone)
	h, err := r.History(t.Context(), resolved(t, r, "v1"), resolved(t, r, "v3"), git.HistoryOptions{})
	if err != nil || len(h.Commits) != 2 {
		t.Fatalf("history: %v, %v", h, err)
	}
	err = NewSource(r, SourceOptions{}).WriteTar(t.Context(), h.Bad.ID, io.Discard)
	var missing *git.MissingObjectError
	if !errors.As(err, &missing) || !missing.Partial {
		t.Fatalf("got %v, want a MissingObjectError of a partial clone", err)
	}
	// The command it gives is run as it stands, and helps.
	gittest.Run(t, t.TempDir(), strings.Fields(missing.Command)[1:]...)
	if err := NewSource(opened(t, clone), SourceOptions{}).WriteTar(t.Context(), h.Bad.ID, io.Discard); err != nil {
		t.Errorf("after %s: %v", missing.Command, err)
	}
}
