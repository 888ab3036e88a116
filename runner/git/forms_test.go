package git

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git/gittest"
)

// form is one of the many ways in which a repository may lie on the disk.
type form struct {
	name string
	// make turns a repository with a work tree, which is the test's own, into that form and returns where it
	// is now.
	make func(t testing.TB, dir string) string
	env  func(dir string) []string
}

// forms are told to us by git's manuals, and by what people do with git's folders.
func forms() []form {
	moved := func(part string) func(testing.TB, string) string {
		return func(t testing.TB, dir string) string {
			moveAndLink(t, filepath.Join(dir, ".git", part), filepath.Join(t.TempDir(), "elsewhere"))
			return dir
		}
	}
	run := func(args ...string) func(testing.TB, string) string {
		return func(t testing.TB, dir string) string {
			gittest.Run(t, dir, args...)
			return dir
		}
	}
	return []form{
		{name: "as it is", make: func(_ testing.TB, dir string) string { return dir }},
		{name: "refs a link", make: moved("refs")},
		{name: "refs/heads a link", make: moved("refs/heads")},
		{name: "objects a link", make: moved("objects")},
		{name: "packs a link", make: moved("objects/pack")},
		{name: "info a link", make: func(t testing.TB, dir string) string { return moved("info")(t, graft(t, dir)) }},
		{name: "packed-refs a link", make: moved("packed-refs")},
		{name: "config a link", make: moved("config")},
		{name: "the git folder a link", make: moved("")},
		{name: "HEAD a link to a branch", make: headLink},
		{name: "refs that are links to others", make: refLinks},
		{name: "each pack a link", make: packLinks},
		{name: "each loose object a link", make: looseLinks},
		{name: "a chain of links", make: chain},
		{name: "git-new-workdir", make: newWorkdir},
		{name: "the repo tool", make: repoTool},
		{name: "a .git file", make: func(t testing.TB, dir string) string {
			store := filepath.Join(t.TempDir(), "store")
			gittest.Rename(t, filepath.Join(dir, ".git"), store)
			gittest.WriteFiles(t, dir, map[string]string{".git": "gitdir: " + store + "\n"})
			return dir
		}},
		{name: "a relative .git file that is a link", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git"), filepath.Join(dir, "store"))
			gittest.WriteFiles(t, dir, map[string]string{"pointer": "gitdir: store\n"})
			link(t, "pointer", filepath.Join(dir, ".git"))
			return dir
		}},
		{name: "a linked work tree", make: workTree},
		{name: "a linked work tree of a bare repository", make: func(t testing.TB, dir string) string {
			bare, work := filepath.Join(t.TempDir(), "bare.git"), filepath.Join(t.TempDir(), "work")
			gittest.Run(t, dir, "clone", "-q", "--mirror", dir, bare)
			gittest.Run(t, bare, "worktree", "add", "-q", "--detach", work, "b5")
			return work
		}},
		{name: "a linked work tree with a config of its own", make: func(t testing.TB, dir string) string {
			work := workTree(t, dir)
			gittest.Run(t, dir, "config", "extensions.worktreeConfig", "true")
			gittest.Run(t, work, "config", "--worktree", "core.sparseCheckout", "true")
			return work
		}},
		{name: "all packed", make: run("gc", "-q")},
		{name: "index version 1", make: run("-c", "pack.indexVersion=1", "repack", "-adq")},
		{name: "offsets of 64 bits", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "repack", "-adq")
			for _, idx := range gittest.Packs(t, dir) {
				gittest.Run(t, dir, "index-pack", "--index-version=2,64", "-o", idx+".new", strings.TrimSuffix(idx, ".idx")+".pack")
				gittest.Rename(t, idx+".new", idx)
			}
			return dir
		}},
		{name: "every other file of a pack", make: run("-c", "pack.writeReverseIndex=true", "-c", "repack.writeBitmaps=true", "repack", "-adbq", "--write-midx")},
		{name: "cruft packs", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "gc", "-q")
			gittest.Run(t, dir, "branch", "-q", "-D", "b6")
			gittest.Run(t, dir, "reflog", "expire", "--all", "--expire=now")
			gittest.Run(t, dir, "repack", "-q", "--cruft", "-d")
			return dir
		}},
		{name: "packs named as by old gits", make: func(t testing.TB, dir string) string {
			for i, idx := range gittest.Packs(t, dir) {
				for _, ext := range []string{"idx", "pack"} {
					gittest.Rename(t, strings.TrimSuffix(idx, "idx")+ext, filepath.Join(filepath.Dir(idx), fmt.Sprintf("pack-%040x.%s", 7+i, ext)))
				}
			}
			return dir
		}},
		{name: "packs that are of no use", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "repack", "-adq")
			pack := filepath.Join(dir, ".git/objects/pack")
			for name, content := range map[string]string{
				"pack-" + strings.Repeat("1", 40) + ".pack": "half of a pack", "pack-" + strings.Repeat("2", 40) + ".idx": "half of an index",
				"pack-" + strings.Repeat("3", 40) + ".pack": "broken", "pack-" + strings.Repeat("3", 40) + ".idx": "broken",
				"tmp_pack_abc": "", "tmp_idx_abc": "", "pack-" + strings.Repeat("4", 40) + ".keep": "",
			} {
				gittest.WriteFiles(t, pack, map[string]string{name: content})
			}
			gittest.WriteFiles(t, dir, map[string]string{".git/objects/aa/tmp_obj_x": "", ".git/objects/17/garbage": ""})
			return dir
		}},
		{name: "refs that are of no use", make: func(t testing.TB, dir string) string {
			gittest.WriteFiles(t, dir, map[string]string{
				".git/refs/heads/empty": "", ".git/refs/heads/garbage": "garbage\n", ".git/refs/heads/x.lock": "", ".git/refs/heads/b7.lock": "",
				".git/refs/heads/nowhere": "ref: refs/heads/absent\n", ".git/refs/heads/loop": "ref: refs/heads/loop\n",
				".git/refs/heads/spaced": "ref:\t refs/heads/b3 \n", ".git/refs/heads/pure": "ref:refs/heads/b4",
			})
			return dir
		}},
		{name: "alternates", make: borrow(func(store string) string { return store + "\n" })},
		{name: "alternates with a comment and a folder that is gone", make: borrow(func(store string) string { return "# comment\n/nowhere/at all\n\n" + store })},
		{name: "alternates in quotes", make: borrow(func(store string) string { return `"` + strings.ReplaceAll(store, "s", `\163`) + "\"\n" })},
		{name: "relative alternates", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git/objects/pack"), filepath.Join(dir, "pack"))
			gittest.WriteFiles(t, dir, map[string]string{".git/objects/info/alternates": "../.././\n"})
			return dir
		}},
		{name: "alternates of alternates, round and round", make: func(t testing.TB, dir string) string {
			store, second := t.TempDir(), t.TempDir()
			gittest.Rename(t, filepath.Join(dir, ".git/objects/pack"), filepath.Join(second, "pack"))
			gittest.WriteFiles(t, store, map[string]string{"info/alternates": "../" + filepath.Base(filepath.Dir(second)) + "/../" + second + "\n" + second + "\n"})
			gittest.WriteFiles(t, second, map[string]string{"info/alternates": store + "\n"})
			gittest.WriteFiles(t, dir, map[string]string{".git/objects/info/alternates": store + "\n"})
			return dir
		}},
		{name: "GIT_ALTERNATE_OBJECT_DIRECTORIES", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git/objects/pack"), filepath.Join(dir, "pack"))
			return dir
		}, env: func(dir string) []string {
			return []string{"GIT_ALTERNATE_OBJECT_DIRECTORIES=/nowhere:\"" + dir + "\""}
		}},
		{name: "GIT_OBJECT_DIRECTORY", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git/objects"), filepath.Join(dir, "store"))
			if err := os.Mkdir(filepath.Join(dir, ".git/objects"), 0o777); err != nil {
				t.Fatal(err)
			}
			return dir
		}, env: func(dir string) []string { return []string{"GIT_OBJECT_DIRECTORY=" + dir + "/store"} }},
		{name: "GIT_DIR", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git"), filepath.Join(dir, "store"))
			return dir
		}, env: func(dir string) []string { return []string{"GIT_DIR=" + dir + "/store"} }},
		{name: "GIT_DIR and GIT_COMMON_DIR", make: func(t testing.TB, dir string) string {
			gittest.Rename(t, filepath.Join(dir, ".git"), filepath.Join(dir, "store"))
			gittest.WriteFiles(t, dir, map[string]string{"own/HEAD": "ref: refs/heads/b2\n", "own/commondir": "../store\n"})
			return dir
		}, env: func(dir string) []string {
			return []string{"GIT_DIR=" + dir + "/own", "GIT_COMMON_DIR=" + dir + "/store"}
		}},
		{name: "replaced commits", make: replaceCommits},
		{name: "replaced commits, packed refs", make: func(t testing.TB, dir string) string {
			gittest.Run(t, replaceCommits(t, dir), "pack-refs", "--all")
			return dir
		}},
		{name: "replaced commits and a commit-graph", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "commit-graph", "write", "--reachable")
			return replaceCommits(t, dir)
		}},
		{name: "replaced trees and blobs, twice over", make: replaceFiles},
		{name: "GIT_NO_REPLACE_OBJECTS", make: replaceCommits, env: func(string) []string { return []string{"GIT_NO_REPLACE_OBJECTS=1"} }},
		{name: "core.useReplaceRefs", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "config", "core.useReplaceRefs", "false")
			return replaceFiles(t, replaceCommits(t, dir))
		}},
		{name: "GIT_REPLACE_REF_BASE", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "update-ref", "refs/mine/"+gittest.Run(t, dir, "rev-parse", "b4"), "b6")
			return replaceCommits(t, dir)
		}, env: func(string) []string { return []string{"GIT_REPLACE_REF_BASE=refs/mine"} }},
		{name: "grafts", make: graft},
		{name: "grafts over replacements and a commit-graph", make: func(t testing.TB, dir string) string {
			gittest.Run(t, dir, "commit-graph", "write", "--reachable")
			return graft(t, replaceCommits(t, dir))
		}},
		{name: "a shallow clone, with grafts", make: func(t testing.TB, dir string) string {
			clone := filepath.Join(t.TempDir(), "clone")
			gittest.Run(t, dir, "clone", "-q", "--depth=3", "--mirror", "--no-single-branch", "file://"+dir, clone)
			return graft(t, clone)
		}},
		{name: "an empty index and a work tree elsewhere", make: func(t testing.TB, dir string) string {
			work := t.TempDir()
			gittest.Run(t, dir, "config", "core.worktree", work)
			return filepath.Join(dir, ".git")
		}},
	}
}

// TestEveryFormOfARepositoryIsReadAsByGit compares revisions, parents, files and their contents with the real
// git.
func TestEveryFormOfARepositoryIsReadAsByGit(t *testing.T) {
	t.Parallel()
	var revisions, commits, entries, contents atomic.Int64
	all := forms()
	t.Cleanup(func() {
		t.Logf("%d forms: %d revisions, %d commits, %d files, %d contents as git has them", len(all), revisions.Load(), commits.Load(), entries.Load(), contents.Load())
	})
	for i, f := range all {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			dir := f.make(t, randomRepository(t, rand.New(rand.NewPCG(uint64(i), 11))))
			var env []string
			if f.env != nil {
				env = f.env(dir)
			}
			r, err := OpenHere(dir, environment(env))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			c := comparison{t: t, dir: dir, env: env, repo: r}
			revisions.Add(c.revisions())
			commits.Add(c.history())
			c.files(&entries, &contents)
			if got, want := r.Path(), c.top(); got != want {
				t.Errorf("the top is %s, git says %s", got, want)
			}
		})
	}
}

func environment(env []string) Environment {
	return func(name string) (string, bool) {
		for _, variable := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(variable, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

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
