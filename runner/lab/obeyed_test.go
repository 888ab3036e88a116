package lab

import (
	"archive/tar"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestArtifactsHoldNothingThatAToolObeysWhenItLooks(t *testing.T) {
	var members []tar.Header
	for _, name := range []string{
		".git/config", ".git/HEAD", ".GIT/config", ".git./config", ".git /config", ".git . /config", "git~1/config", "GIT~1/config", ".git::$INDEX_ALLOCATION/config",
		".g\u200cit/config", `deep\.git\config`, ".git", "sub/.git", ".hg/hgrc", ".jj/repo/config.toml", ".svn/wc.db", ".envrc", ".vscode/tasks.json", ".IDEA/x",
		"x.desktop", "Desktop.ini", ".DS_Store", ".gdbinit", ".nvim.lua", ".npmrc", ".Rprofile", "a.lnk", "sub/deep/.envrc/x",
	} {
		members = append(members, tar.Header{Name: "out/" + name, Mode: 0o644, Uname: "x"})
	}
	members = append(members,
		tar.Header{Typeflag: tar.TypeSymlink, Name: "out/sub/.git", Linkname: "../real"},
		tar.Header{Typeflag: tar.TypeDir, Name: "out/b/.git/"},
		tar.Header{Typeflag: tar.TypeLink, Name: "out/copy", Linkname: "out/.envrc"},
	)
	for _, name := range []string{".gitignore", ".config", "git", "x.git/a", "_git", ".github/w.yml", "HEAD", "envrc"} {
		members = append(members, tar.Header{Name: "out/" + name, Mode: 0o644, Uname: "x"})
	}
	dir, log, err := kept(t, storeroom{files: map[string][]tar.Header{"out": members, "p/.git/x": {{Name: "x", Uname: "x"}}}}, 1<<20, "out", "p/.git/x")
	if err != nil {
		t.Fatal(err)
	}
	want := "out/.config\nout/.github/w.yml\nout/.gitignore\nout/HEAD\nout/_git\nout/envrc\nout/git\nout/x.git/a"
	if got := strings.ReplaceAll(tree(t, dir), " -rw-r--r-- x", ""); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if !strings.Contains(log, `artifacts: left out: "out/.git": version control would obey it on this machine`) || strings.Count(log, ".git/") > 1 {
		t.Errorf("the log says %q", log)
	}
}

// TestNoArtifactIsARepositoryToGit asks git, with a program in the settings that it runs when it looks.
func TestNoArtifactIsARepositoryToGit(t *testing.T) {
	made := t.TempDir()
	config := fmt.Sprintf("[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = %s\n\tfsmonitor = touch %s/ran; false\n", made, made)
	bare := func(at string, more ...tar.Header) []tar.Header {
		return append([]tar.Header{
			{Name: at + "config", Mode: 0o644, Uname: config}, {Name: at + "HEAD", Mode: 0o644, Uname: "ref: refs/heads/main\n"},
		}, more...)
	}
	dirs := func(names ...string) (list []tar.Header) {
		for _, n := range names {
			list = append(list, tar.Header{Typeflag: tar.TypeDir, Name: n + "/", Mode: 0o755})
		}
		return list
	}
	for name, members := range map[string][]tar.Header{
		"folders":  bare("out/", dirs("out/objects", "out/refs")...),
		"below":    bare("out/a/b/", dirs("out/a/b/objects", "out/a/b/refs")...),
		"implied":  bare("out/", tar.Header{Name: "out/objects/x", Uname: "x"}, tar.Header{Name: "out/refs/heads/x", Uname: "x"}),
		"links":    bare("out/", append(dirs("out/o"), tar.Header{Typeflag: tar.TypeSymlink, Name: "out/objects", Linkname: "o"}, tar.Header{Typeflag: tar.TypeSymlink, Name: "out/refs", Linkname: "o"})...),
		"files":    bare("out/", tar.Header{Name: "out/objects", Mode: 0o755, Uname: "x"}, tar.Header{Name: "out/refs", Mode: 0o755, Uname: "x"}),
		"worktree": bare("out/", append(dirs("out/c/objects", "out/c/refs"), tar.Header{Name: "out/commondir", Uname: "c\n"})...),
		"HEAD a link": append(dirs("out/objects", "out/refs"), tar.Header{Name: "out/config", Mode: 0o644, Uname: config},
			tar.Header{Typeflag: tar.TypeSymlink, Name: "out/HEAD", Linkname: "refs/heads/main"}),
	} {
		dir, log, err := kept(t, storeroom{files: map[string][]tar.Header{"out": members}}, 1<<20, "out")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log, "git would take the folder for a repository") {
			t.Errorf("%s: the log says %q", name, log)
		}
		err = filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			git := exec.Command("git", "status")
			git.Dir, git.Env = at, append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
			if out, err := git.CombinedOutput(); err == nil {
				t.Errorf("%s: git takes %s for a repository: %s", name, at, out)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(made, "ran")); err == nil {
			t.Fatalf("%s: git ran what the artifact says", name)
		}
	}
}
