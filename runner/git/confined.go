package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"buildbisect/runner/git/gittext"
)

// Confined says what of the repository that path lies in leads out of the folder top: who sends a repository
// with its .git may have made a link of it, or of a part, to another repository of whoever reads it. A work
// tree that `git worktree add` made of another repository is as good as that one, since both name each other.
// Submodules are looked at where they are asked for: the work tree is walked for them.
func Confined(path, top string, submodules bool) error {
	for dir := path; ; dir = filepath.Dir(dir) {
		if err := confinedDot(filepath.Join(dir, ".git"), top); !errors.Is(err, fs.ErrNotExist) {
			if err != nil || !submodules {
				return err
			}
			return confinedBelow(dir, top)
		}
		if isGitDir(dir, commonDir(dir), "") {
			return confinedDir(dir, top)
		}
		if dir == top || dir == filepath.Dir(dir) {
			return nil // no repository: whoever opens it says so
		}
	}
}

// confinedDot looks at a .git, which may be a folder or a file that names one.
func confinedDot(dot, top string) error {
	info, err := os.Lstat(dot)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return confinedDir(dot, top)
	case !info.Mode().IsRegular():
		return leadsOut(dot)
	}
	dir, err := linkedGitDir(dot)
	if err != nil {
		return leadsOut(dot)
	}
	if inside(dir, top) {
		return confinedDir(dir, top)
	}
	back, err := os.ReadFile(filepath.Join(dir, "gitdir"))
	if err != nil || strings.TrimSpace(string(back)) != dot {
		return leadsOut(dot)
	}
	return nil
}

// confinedDir refuses links that lead out of a git folder, and paths in it that name another.
func confinedDir(dir, top string) error {
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch kind := d.Type(); {
		case d.Name() == "hooks" && kind.IsDir():
			return fs.SkipDir // nothing of it is read
		case kind.IsDir(), kind.IsRegular(), kind == fs.ModeSocket:
			return nil
		case kind == fs.ModeSymlink && inside(at, top):
			return nil
		}
		return leadsOut(at)
	})
	if err != nil {
		return err
	}
	at := placeOf(dir, "")
	if !inside(at.CommonDir, top) {
		return leadsOut(filepath.Join(dir, "commondir"))
	}
	for _, config := range []string{filepath.Join(at.CommonDir, "config"), filepath.Join(dir, "config.worktree")} {
		settings, err := gittext.ReadConfig(config, false)
		if err != nil {
			return err
		}
		for _, s := range settings {
			if s.Section == "include" && s.Key == "path" && !inside(gittext.Under(filepath.Dir(config), s.Value), top) ||
				s.Section == "core" && s.Key == "worktree" && !inside(gittext.Under(dir, s.Value), top) {
				return leadsOut(config)
			}
		}
	}
	folders, _, err := objectFolders(at)
	if err != nil || slices.ContainsFunc(folders, func(folder string) bool { return !inside(folder, top) }) {
		return leadsOut(filepath.Join(at.objectDir, "info", "alternates"))
	}
	return nil
}

// confinedBelow looks at each .git in a work tree.
func confinedBelow(tree, top string) error {
	return filepath.WalkDir(tree, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != ".git" || at == filepath.Join(tree, ".git") {
			if err == nil && d.IsDir() && d.Name() == ".git" {
				return fs.SkipDir // looked at before
			}
			return err
		}
		if err := confinedDot(at, top); err != nil || !d.IsDir() {
			return err
		}
		return fs.SkipDir
	})
}

// inside reports whether dir, with its links followed, lies in top.
func inside(dir, top string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	if top, err = filepath.EvalSymlinks(top); err != nil {
		return false
	}
	near, err := filepath.Rel(top, real)
	return err == nil && filepath.IsLocal(near)
}

func leadsOut(at string) error {
	return &NotRepositoryError{Path: at, Why: "--untrusted: it leads out of the repository; clone it anew from where it came from, or leave --untrusted out for a repository that is your own"}
}
