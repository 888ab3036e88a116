package checkout

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

// objectsIn lists what a pack has, by its index.
func objectsIn(t *testing.T, p *packed) []string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]*os.File{"p.pack": p.pack, "p.idx": p.idx} {
		info, err := from.Stat()
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, info.Size())
		if _, err := from.ReadAt(content, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	gittest.Run(t, dir, "init", "-q", "--bare", "x")
	gittest.Run(t, filepath.Join(dir, "x"), "verify-pack", "../p.idx")
	var ids []string
	for line := range strings.Lines(gittest.Run(t, filepath.Join(dir, "x"), "verify-pack", "-v", "../p.idx")) {
		if id, _, ok := strings.Cut(line, " "); ok && len(id) == 40 && git.IsHex(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestAPackHasWhatCanBeReachedAndNothingElse compares git's packs, and those of a machine without git, with
// what git lists.
func TestAPackHasWhatCanBeReachedAndNothingElse(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	w := newTwoRepos(t, r)
	// A branch beside, and what somebody has taken back, are not to be seen in builds.
	gittest.WriteFiles(t, w.dir, map[string]string{"secret": "taken back"})
	secret := gittest.Run(t, w.dir, "hash-object", "-w", "secret")
	repo := opened(t, w.dir)
	commits := strings.Fields(gittest.Run(t, w.dir, "rev-list", "main"))
	for range 3 {
		s := NewSource(repo, SourceOptions{Git: true})
		head := commits[r.IntN(len(commits))]
		store, err := s.objectSet(t.Context(), repo, "", []plumbing.Hash{plumbing.NewHash(head)})
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"rev-list", "--objects", "--no-object-names", head}
		for _, tag := range strings.Fields(gittest.Run(t, w.dir, "tag", "--merged", head)) {
			args = append(args, "refs/tags/"+tag)
		}
		want := strings.Fields(gittest.Run(t, w.dir, args...))
		slices.Sort(want)
		ofGit, err := packWithGit(t.Context(), repo, store.tips)
		if err != nil {
			t.Fatal(err)
		}
		defer ofGit.close()
		ours, err := packByOurselves(t.Context(), repo, store.tips, s.slow("it"))
		if err != nil {
			t.Fatal(err)
		}
		defer ours.close()
		for name, made := range map[string]*packed{"git": ofGit, "ours": ours} {
			if got := objectsIn(t, made); !slices.Equal(got, want) || slices.Contains(got, secret) {
				t.Errorf("%s: %d objects, want %d", name, len(got), len(want))
			}
		}
	}
}

// TestGitIsRunWithoutAWordOfTheRepositorysConfig plants programs in all that git could obey when it packs.
func TestGitIsRunWithoutAWordOfTheRepositorysConfig(t *testing.T) {
	t.Parallel()
	origin := gittest.Line(t, 3)
	gittest.Run(t, origin, "config", "uploadpack.allowFilter", "true")
	dir := filepath.Join(t.TempDir(), "partial")
	gittest.Run(t, origin, "clone", "-q", "--bare", "--filter=blob:none", "file://"+origin, dir)
	marker := filepath.Join(t.TempDir(), "ran")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+marker+"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.alternateRefsCommand", "core.pager", "core.askPass", "core.editor", "remote.origin.uploadpack", "uploadpack.packObjectsHook", "credential.helper", "diff.external"} {
		gittest.Run(t, dir, "config", key, program)
	}
	gittest.Run(t, dir, "config", "remote.origin.url", "ext::"+program)
	gittest.Run(t, dir, "config", "protocol.allow", "always")
	gittest.Run(t, dir, "config", "core.hooksPath", filepath.Dir(program))
	r := opened(t, dir)
	s := NewSource(r, SourceOptions{Git: true})
	store, err := s.objectSet(t.Context(), r, "", []plumbing.Hash{plumbing.NewHash(gittest.Run(t, origin, "rev-parse", "main"))})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := packWithGit(context.Background(), r, store.tips)
	if err != nil {
		t.Fatal(err)
	}
	defer pack.close()
	if len(objectsIn(t, pack)) == 0 || pack.lacks != 4 { // number three times, and folder/same
		t.Errorf("%d objects, %d are lacking", len(objectsIn(t, pack)), pack.lacks)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program of the repository's config has run")
	}
}

// TestWhatAPartialCloneLacksIsSaid has the blobs of the commit itself, and not those of the commits before.
func TestWhatAPartialCloneLacksIsSaid(t *testing.T) {
	t.Parallel()
	origin := gittest.Line(t, 3)
	gittest.Run(t, origin, "config", "uploadpack.allowFilter", "true")
	dir := filepath.Join(t.TempDir(), "partial")
	gittest.Run(t, origin, "clone", "-q", "--filter=blob:none", "file://"+origin, dir)
	r := opened(t, dir)
	s := NewSource(r, SourceOptions{Git: true})
	got := unpack(t, s, resolved(t, r, "HEAD").ID)
	if out := gittest.Run(t, got, "log", "--format=%s") + gittest.Run(t, got, "status", "--porcelain") + gittest.Run(t, got, "describe", "--tags") + gittest.Run(t, got, "log", "-1", "--format=%s", "--", "folder"); out != "3\n2\n1v31" {
		t.Errorf("got %q", out)
	}
	if out, err := gittest.Try(t, got, "", "log", "-p"); err == nil || !strings.Contains(out, notFetched) {
		t.Errorf("log -p: %v, %s", err, out)
	}
	if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0], "partial clone without 2 objects") || !strings.Contains(w[0], "--refetch --no-filter origin") {
		t.Errorf("warnings %q", w)
	}
}

// TestASubmodulesHistoryThatIsCutIsSaid clones a submodule shallowly, as many CI systems do.
func TestASubmodulesHistoryThatIsCutIsSaid(t *testing.T) {
	t.Parallel()
	outer, _ := nested(t)
	gittest.Run(t, outer, "config", "-f", ".gitmodules", "submodule.third party/middle.url", "file://"+gittest.Run(t, outer, "config", "-f", ".gitmodules", "submodule.third party/middle.url"))
	gittest.Run(t, outer, "submodule", "update", "-q", "--init", "--recursive", "--depth=1")
	r := opened(t, outer)
	s := NewSource(r, SourceOptions{Git: true, Submodules: true})
	got := unpack(t, s, resolved(t, r, "HEAD").ID)
	if out := gittest.Run(t, filepath.Join(got, "third party/middle"), "log", "--format=%s"); out != "with inner" {
		t.Errorf("log %q", out)
	}
	if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0], "submodule third party/middle is a shallow clone: git in builds sees only the 1 commits") {
		t.Errorf("warnings %q", w)
	}
	if out := gittest.Run(t, got, "status", "--porcelain"); out != "" {
		t.Errorf("status %q", out)
	}
}

// TestASubmoduleWhoseNameIsNoFolderHasAGitAllTheSame has names that git refuses today, or that would lie in
// each other.
func TestASubmoduleWhoseNameIsNoFolderHasAGitAllTheSame(t *testing.T) {
	used := map[string]bool{}
	top := &root{}
	places := map[*root]string{top: ".git"}
	seen := map[string]bool{}
	for i, name := range []string{"a", "a/HEAD", "a/modules/b", ".", "x/../y", "new\nline", strings.Repeat("n", 300), "b/c", "b"} {
		inner := &root{parent: top, prefix: strings.Repeat("p", i+1) + "/", mapped: git.Mapping{Name: name}}
		at := gitDirOf(inner, places, used)
		for other := range seen {
			if other == at || strings.HasPrefix(at, other+"/") || strings.HasPrefix(other, at+"/") {
				t.Errorf("%q: %s and %s", name, at, other)
			}
		}
		seen[at] = true
		if !strings.HasPrefix(at, ".git/modules/") || len(at) > 300 {
			t.Errorf("%q lies in %q", name, at)
		}
	}
}
