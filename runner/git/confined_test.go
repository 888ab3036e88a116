package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestARepositoryThatIsPartlyAnothersIsNotConfined(t *testing.T) {
	shell := func(dir, script string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
	}
	const private = "git init -q private; git -C private commit -q --allow-empty -m private; "
	const own = "git init -q -b master own; git -C own commit -q --allow-empty -m own; "
	for _, c := range []struct {
		name, script, want string
		submodules         bool
	}{
		{"a plain one", own, "", true},
		{"links within", own + "mkdir -p own/.git/hooks; ln -s /etc/passwd own/.git/hooks/x; rm own/.git/HEAD; ln -s refs/heads/master own/.git/HEAD", "", false},
		{"a bare one", "git init -q --bare own", "", false},
		{"none", "mkdir own", "", true},
		{"a work tree that git made", "git init -q main; git -C main commit -q --allow-empty -m main; git -C main worktree add -q ../own", "", false},
		{"a submodule inside", own + "git init -q own/sub; git -C own/sub commit -q --allow-empty -m sub; mkdir -p own/.git/modules; mv own/sub/.git own/.git/modules/sub; echo gitdir: ../.git/modules/sub >own/sub/.git", "", true},
		{".git is a link", private + "mkdir own; ln -s ../private/.git own/.git", "own/.git", false},
		{".git names another", private + "mkdir own; echo gitdir: $PWD/private/.git >own/.git", "own/.git", false},
		{".git names one inside that claims to be a work tree's", private + "mkdir -p own/fake; cp private/.git/HEAD own/fake; echo ../../private/.git >own/fake/commondir; echo $PWD/own/.git >own/fake/gitdir; echo gitdir: fake >own/.git", "commondir", false},
		{".git is another file", "mkdir own; ln -s /etc/passwd own/.git", "own/.git", false},
		{"its objects are another's", private + own + "rm -r own/.git/objects; ln -s ../../private/.git/objects own/.git/objects", "own/.git/objects", false},
		{"its objects are lent", private + own + "echo $PWD/private/.git/objects >own/.git/objects/info/alternates", "alternates", false},
		{"a lent file", own + "ln -s /etc/passwd own/.git/objects/info/alternates", "alternates", false},
		{"a ref is a link", own + "ln -s /etc/passwd own/.git/refs/heads/x", "refs/heads/x", false},
		{"its folder is another's", private + own + "echo $PWD/private/.git >own/.git/commondir", "commondir", false},
		{"a named pipe", own + "mkfifo own/.git/packed-refs", "packed-refs", false},
		{"a submodule is another", private + own + "mkdir -p own/a/sub; echo gitdir: $PWD/private/.git >own/a/sub/.git", "own/a/sub/.git", true},
		{"a submodule that is not asked for", private + own + "mkdir -p own/a/sub; echo gitdir: $PWD/private/.git >own/a/sub/.git", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			shell(dir, c.script)
			top := filepath.Join(dir, "own")
			err = Confined(top, top, c.submodules)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want+": --untrusted: it leads out")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
