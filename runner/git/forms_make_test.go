package git

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

const worldSize = 12

// randomRepository makes a repository with a work tree of a dozen commits: branches bN, tags tN and annotated
// tags aN of some, objects and refs both packed and loose.
func randomRepository(t testing.TB, rng *rand.Rand) string {
	t.Helper()
	dir := physical(t.TempDir())
	gittest.Run(t, dir, "init", "-q", "-b", "b0")
	parents := randomParents(rng, worldSize)
	var text [2]strings.Builder
	for n, of := range parents {
		half := &text[n/(worldSize/2)]
		var one strings.Builder
		commitText(&one, n, nil, 1600000000+n)
		half.WriteString(strings.Replace(strings.TrimSuffix(one.String(), "\n"), "M 100644", parentLines(of, n)+"M 100644", 1))
		fmt.Fprintf(half, "M 100755 inline dir/x%d\ndata 3\n%2d\n\nM 120000 inline dir/link\ndata 4\nto%2d\n", n%3, n, n)
		fmt.Fprintf(half, "M 100644 inline big\ndata %d\n%s\n\n", 20000, strings.Repeat(fmt.Sprintf("%04d", rng.IntN(9999)), 5000))
		if n%3 == 0 {
			fmt.Fprintf(half, "reset refs/tags/t%d\nfrom refs/heads/b%d\n\ntag a%d\nfrom refs/heads/b%d\ntagger C <c@example.com> 1600000000 +0000\ndata 3\ntag\n", n, n, n, n)
		}
		if n%4 == 1 {
			fmt.Fprintf(half, "reset refs/remotes/origin/b%d\nfrom refs/heads/b%d\n\n", n, n)
		}
	}
	for i := range text {
		if out, err := gittest.Try(t, dir, text[i].String(), "-c", "fastimport.unpackLimit="+[]string{"1", "1000"}[i], "fast-import", "--quiet", "--force"); err != nil {
			t.Fatal(out)
		}
		if i == 0 {
			gittest.Run(t, dir, "pack-refs", "--all")
		}
	}
	gittest.Run(t, dir, "update-ref", "HEAD", fmt.Sprint("b", rng.IntN(worldSize)))
	return dir
}

// parentLines names parents by their branches: marks do not outlive an import. A branch of the import before
// is asked of the repository.
func parentLines(parents []int, n int) string {
	var b strings.Builder
	for i, p := range parents {
		before := ""
		if p < worldSize/2 && n >= worldSize/2 {
			before = "^0"
		}
		fmt.Fprintf(&b, "%s refs/heads/b%d%s\n", []string{"from", "merge"}[min(i, 1)], p, before)
	}
	return b.String()
}

func moveAndLink(t testing.TB, from, to string) {
	t.Helper()
	gittest.Rename(t, from, to)
	link(t, to, strings.TrimSuffix(from, "/"))
}

func link(t testing.TB, target, at string) {
	t.Helper()
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

func headLink(t testing.TB, dir string) string {
	if err := os.Remove(filepath.Join(dir, ".git/HEAD")); err != nil {
		t.Fatal(err)
	}
	link(t, "refs/heads/b2", filepath.Join(dir, ".git/HEAD")) // packed: the link leads nowhere
	return dir
}

func refLinks(t testing.TB, dir string) string {
	gittest.Run(t, dir, "config", "core.preferSymlinkRefs", "true")
	gittest.Run(t, dir, "symbolic-ref", "refs/heads/linked", "refs/heads/b1")
	link(t, "b8", filepath.Join(dir, ".git/refs/heads/linked2"))
	if err := os.MkdirAll(filepath.Join(dir, ".git/refs/remotes/origin"), 0o777); err != nil {
		t.Fatal(err)
	}
	link(t, "refs/remotes/origin/b1", filepath.Join(dir, ".git/refs/remotes/origin/HEAD"))
	link(t, ".", filepath.Join(dir, ".git/refs/heads/around"))
	return dir
}

func packLinks(t testing.TB, dir string) string {
	elsewhere := t.TempDir()
	for _, idx := range gittest.Packs(t, dir) {
		for _, name := range []string{idx, strings.TrimSuffix(idx, "idx") + "pack"} {
			moveAndLink(t, name, filepath.Join(elsewhere, filepath.Base(name)))
		}
	}
	return dir
}

func looseLinks(t testing.TB, dir string) string {
	elsewhere := t.TempDir()
	folders, err := filepath.Glob(filepath.Join(dir, ".git/objects/??"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no loose objects: %v", err)
	}
	for i, folder := range folders {
		moveAndLink(t, folder, filepath.Join(elsewhere, fmt.Sprint("folder", i)))
		files, _ := filepath.Glob(filepath.Join(folder, "*"))
		for j, file := range files {
			moveAndLink(t, file, filepath.Join(elsewhere, fmt.Sprint("file", i, "-", j)))
		}
	}
	return dir
}

func chain(t testing.TB, dir string) string {
	at := t.TempDir()
	gittest.Rename(t, filepath.Join(dir, ".git/objects"), filepath.Join(at, "0"))
	for i := range 5 {
		link(t, fmt.Sprint(i), filepath.Join(at, fmt.Sprint(i+1)))
	}
	link(t, filepath.Join(at, "5"), filepath.Join(dir, ".git/objects"))
	return dir
}

func newWorkdir(t testing.TB, dir string) string {
	work := filepath.Join(physical(t.TempDir()), "work")
	gittest.WriteFiles(t, work, map[string]string{".git/HEAD": "ref: refs/heads/b3\n", ".git/logs/x": ""})
	for _, part := range []string{"config", "refs", "objects", "info", "packed-refs", "hooks", "remotes", "rr-cache"} {
		link(t, filepath.Join(dir, ".git", part), filepath.Join(work, ".git", part))
	}
	return work
}

// repoTool lays a repository out as the repo tool of Android does: a git folder of links to one for each
// project, whose objects are again links to a folder that projects of one name share.
func repoTool(t testing.TB, dir string) string {
	top := physical(t.TempDir())
	project, shared := filepath.Join(top, ".repo/projects/a/b.git"), filepath.Join(top, ".repo/project-objects/a/b.git")
	for _, made := range []string{filepath.Dir(project), shared, filepath.Join(top, "a/b/.git")} {
		if err := os.MkdirAll(made, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	gittest.Rename(t, filepath.Join(dir, ".git"), project)
	gittest.Rename(t, filepath.Join(project, "objects"), filepath.Join(shared, "objects"))
	link(t, "../../../project-objects/a/b.git/objects", filepath.Join(project, "objects"))
	for _, part := range []string{"config", "refs", "objects", "info", "packed-refs", "logs"} {
		link(t, "../../../.repo/projects/a/b.git/"+part, filepath.Join(top, "a/b/.git", part))
	}
	gittest.Rename(t, filepath.Join(project, "HEAD"), filepath.Join(top, "a/b/.git/HEAD"))
	return filepath.Join(top, "a/b")
}

func workTree(t testing.TB, dir string) string {
	work := filepath.Join(physical(t.TempDir()), "work")
	gittest.Run(t, dir, "worktree", "add", "-q", "--detach", work, "b4")
	gittest.WriteFiles(t, work, map[string]string{}) // the work tree's own refs are not the repository's
	gittest.Run(t, work, "update-ref", "refs/bisect/bad", "b5")
	gittest.Run(t, dir, "update-ref", "refs/bisect/bad", "b6")
	return work
}

func borrow(text func(store string) string) func(testing.TB, string) string {
	return func(t testing.TB, dir string) string {
		store := filepath.Join(t.TempDir(), "stores")
		if err := os.Mkdir(store, 0o777); err != nil {
			t.Fatal(err)
		}
		gittest.Rename(t, filepath.Join(dir, ".git/objects/pack"), filepath.Join(store, "pack"))
		gittest.WriteFiles(t, dir, map[string]string{".git/objects/info/alternates": text(store)})
		return dir
	}
}

func replaceCommits(t testing.TB, dir string) string {
	gittest.Run(t, dir, "replace", "--graft", "b3", "b1", "b2")
	gittest.Run(t, dir, "replace", "--graft", "b5")
	cmd := "git cat-file commit b7 | sed 's/^7$/other words/' | git hash-object -t commit -w --stdin"
	edit := exec.Command("sh", "-c", cmd)
	edit.Dir = dir
	edited, err := edit.Output()
	if err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, dir, "replace", "b7", strings.TrimSpace(string(edited)))
	return dir
}

func replaceFiles(t testing.TB, dir string) string {
	gittest.Run(t, dir, "replace", "b9^{tree}", "b4^{tree}")
	for i := range 3 { // one in place of the next
		gittest.Run(t, dir, "replace", fmt.Sprintf("b%d:big", i), fmt.Sprintf("b%d:big", i+1))
	}
	return dir
}

func graft(t testing.TB, dir string) string {
	id := func(rev string) string { return gittest.Run(t, dir, "rev-parse", rev) }
	file := strings.TrimSpace(gittest.Run(t, dir, "rev-parse", "--git-path", "info/grafts"))
	gittest.WriteFiles(t, dir, map[string]string{file: "# comment\n\n" +
		id("b9") + " " + id("b2") + " " + id("b1") + "  \n" + id("b9") + "\nnot a graft\n" + id("b10") + "\n" + id("b11") + " " + id("b8") + "\n" + id("b8") + " short\n"})
	return dir
}
