package git

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

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
