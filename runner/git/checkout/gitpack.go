package checkout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/images/workdir"
	"buildbisect/runner/git"
)

// packWithGit has git pack what can be reached from tips. Deltas that are there are taken over, and none are
// looked for.
func packWithGit(ctx context.Context, r *git.Repository, tips []plumbing.Hash) (_ *packed, err error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, err
	}
	work, err := workdir.New(workdir.Git)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, work.Remove()) }()
	dir := work.Path
	if err := proxy(r, dir); err != nil {
		return nil, err
	}
	var wanted strings.Builder
	for _, id := range tips {
		fmt.Fprintln(&wanted, id)
	}
	run := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, append([]string{"-c", "pack.compression=1", "-c", "core.bigFileThreshold=8m"}, args...)...)
		cmd.Dir = dir
		cmd.Env = git.BareEnv(dir)
		work.Hand(cmd)
		return cmd
	}
	made := &packed{partial: r.Objects.Partial}
	pack := run("pack-objects", "--revs", "--delta-base-offset", "--window=0", "-q", filepath.Join(dir, "pack"))
	pack.Stdin = strings.NewReader(wanted.String())
	if made.partial {
		// pack-objects itself stops at a tree that is not here.
		list := run("rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin")
		list.Stdin = strings.NewReader(wanted.String())
		ids, err := made.here(list)
		if err != nil {
			return nil, err
		}
		pack = run("pack-objects", "--delta-base-offset", "--window=0", "-q", filepath.Join(dir, "pack"))
		pack.Stdin = ids
	}
	out, err := pack.Output()
	if err != nil {
		return nil, git.GitSaid(err)
	}
	made.name = "pack-" + strings.TrimSpace(string(out))
	if made.pack, err = os.Open(filepath.Join(dir, made.name+".pack")); err != nil {
		return nil, err
	}
	if made.idx, err = os.Open(filepath.Join(dir, made.name+".idx")); err != nil {
		made.pack.Close()
		return nil, err
	}
	return made, nil
}

// here passes on the ids that rev-list finds, and counts those that it misses.
func (p *packed) here(list *exec.Cmd) (io.Reader, error) {
	out, err := list.Output()
	if err != nil {
		return nil, git.GitSaid(err)
	}
	var ids strings.Builder
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "?") {
			p.lacks++
			continue
		}
		ids.WriteString(lines.Text() + "\n")
	}
	return strings.NewReader(ids.String()), lines.Err()
}

// proxy makes dir a repository that has the objects of r and none of its config, hooks or refs: those may be
// a stranger's, and name programs.
func proxy(r *git.Repository, dir string) error {
	for _, sub := range []string{"refs", "info", "objects/info"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	borrowed := ""
	for i, store := range r.Objects.Stores {
		// A link, because a file of alternates cannot name every path.
		name := fmt.Sprint("borrowed-", i)
		if err := os.Symlink(store.Dir, filepath.Join(dir, name)); err != nil {
			return err
		}
		borrowed += "../" + name + "\n"
	}
	files := map[string]string{"HEAD": "ref: refs/heads/none\n", "config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n", "objects/info/alternates": borrowed}
	// Where git is to stop, and to go on.
	for id := range r.Graph.Shallow {
		files["shallow"] += id.String() + "\n"
	}
	for id, parents := range r.Graph.Grafts {
		files["info/grafts"] += git.GraftText(id, parents)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
