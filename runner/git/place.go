package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/cache"

	"buildbisect/runner/git/gittext"
)

// Place is where a repository's parts lie, as absolute paths.
type Place struct {
	GitDir    string // holds HEAD
	CommonDir string // holds refs and config; differs from gitDir in a linked work tree
	objectDir string // its own objects
	WorkTree  string // "" for a bare repository
	named     bool   // by GIT_DIR
	fixed     bool   // the work tree is this one, whatever the config says
	borrowed  string // GIT_ALTERNATE_OBJECT_DIRECTORIES
	grafts    string // GIT_GRAFT_FILE, or ""
	raw       bool   // replacement refs do not count: GIT_NO_REPLACE_OBJECTS
	replace   string // GIT_REPLACE_REF_BASE, or ""
}

// Environment looks up a variable of the process, as os.LookupEnv does.
type Environment func(name string) (value string, set bool)

// get is a variable's value, "" where it is not set.
func (e Environment) get(name string) string {
	value, _ := e(name)
	return value
}

// NoVariables is the environment of a repository that is named by its path: as in git, the variables that say
// where a repository lies are those of one repository and not of its submodules or of any other.
func NoVariables(string) (string, bool) { return "", false }

// Open opens the repository that path lies in, as git finds it: path's own .git, or else that of the nearest
// folder above.
func Open(path string) (*Repository, error) { return OpenHere(path, NoVariables) }

// OpenHere opens the repository that a git started in path works on: Open, but GIT_DIR, GIT_COMMON_DIR,
// GIT_WORK_TREE, GIT_OBJECT_DIRECTORY, GIT_ALTERNATE_OBJECT_DIRECTORIES, GIT_CEILING_DIRECTORIES,
// GIT_NO_REPLACE_OBJECTS, GIT_REPLACE_REF_BASE and GIT_GRAFT_FILE say what they say to git. Relative paths in
// them start at this process's folder.
func OpenHere(path string, env Environment) (*Repository, error) {
	at, err := find(path, env)
	if err != nil {
		return nil, &NotRepositoryError{Path: path, Why: err.Error()}
	}
	return OpenAt(at, cache.NewObjectLRUDefault(), env)
}

func find(path string, env Environment) (Place, error) {
	start, err := filepath.Abs(path)
	if err != nil {
		return Place{}, err
	}
	info, err := os.Stat(start)
	if errors.Is(err, fs.ErrNotExist) {
		return Place{}, errors.New("no such folder; name the repository, or a folder in it")
	} else if err != nil {
		return Place{}, err
	}
	if !info.IsDir() {
		start = filepath.Dir(start)
	}
	start = physical(start) // git walks up from where the folder is, not from where a link to it is
	at, err := named(start, env)
	if err == nil && at.GitDir == "" {
		at, err = findAbove(start, env)
	}
	if err != nil {
		return Place{}, err
	}
	return at.with(env)
}

// findAbove looks for a repository in dir and the folders above it.
func findAbove(dir string, env Environment) (Place, error) {
	ceilings := map[string]bool{}
	for _, ceiling := range filepath.SplitList(env.get("GIT_CEILING_DIRECTORIES")) {
		if filepath.IsAbs(ceiling) {
			ceilings[physical(ceiling)] = true
		}
	}
	for {
		at, found, err := lookIn(dir)
		if found || err != nil {
			return at, err
		}
		above := filepath.Dir(dir)
		if above == dir || ceilings[above] {
			return Place{}, errors.New("not in a git repository; name one with `source: {repo: PATH}`, or make one with `git init`")
		}
		dir = above
	}
}

// named is the repository that GIT_DIR names, if it names one.
func named(start string, env Environment) (Place, error) {
	name := env.get("GIT_DIR")
	if name == "" {
		return Place{}, nil
	}
	dir, err := filepath.Abs(name)
	if err != nil {
		return Place{}, err
	}
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		if dir, err = linkedGitDir(dir); err != nil {
			return Place{}, fmt.Errorf("GIT_DIR is %s: %w", name, err)
		}
	}
	at := Place{GitDir: physical(dir), WorkTree: start, named: true}
	if common := env.get("GIT_COMMON_DIR"); common != "" {
		if at.CommonDir, err = filepath.Abs(common); err != nil {
			return Place{}, err
		}
	} else {
		at.CommonDir = commonDir(at.GitDir)
	}
	if !isGitDir(at.GitDir, at.CommonDir, env.get("GIT_OBJECT_DIRECTORY")) {
		return Place{}, fmt.Errorf("GIT_DIR is %s, which is no repository; correct it, or unset it", name)
	}
	return at, nil
}

// with puts in what else the environment says of a place.
func (at Place) with(env Environment) (Place, error) {
	at.objectDir = filepath.Join(at.CommonDir, "objects")
	var err error
	if dir := env.get("GIT_OBJECT_DIRECTORY"); dir != "" {
		at.objectDir, err = filepath.Abs(dir)
	}
	if dir := env.get("GIT_WORK_TREE"); dir != "" && err == nil {
		at.WorkTree, err = filepath.Abs(dir)
		at.fixed = true
	}
	if file := env.get("GIT_GRAFT_FILE"); file != "" && err == nil {
		at.grafts, err = filepath.Abs(file)
	}
	at.borrowed = env.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
	at.replace = env.get("GIT_REPLACE_REF_BASE")
	_, at.raw = env("GIT_NO_REPLACE_OBJECTS")
	return at, err
}

// placeOf is a repository whose folder is known, without any environment.
func placeOf(gitDir, workTree string) Place {
	common := commonDir(gitDir)
	return Place{GitDir: gitDir, CommonDir: common, objectDir: filepath.Join(common, "objects"), WorkTree: workTree}
}

// lookIn reports whether dir is the top of a work tree, or a repository itself.
func lookIn(dir string) (at Place, found bool, err error) {
	dot := filepath.Join(dir, ".git")
	if info, statErr := os.Stat(dot); statErr == nil {
		if !info.IsDir() {
			if dot, err = linkedGitDir(dot); err != nil {
				return Place{}, false, err
			}
			if !isGitDir(dot, commonDir(dot), "") {
				return Place{}, false, fmt.Errorf("%s names %s, which is no repository; was it moved? try `git worktree repair` or `git submodule update --init`", filepath.Join(dir, ".git"), dot)
			}
		}
		if isGitDir(dot, commonDir(dot), "") {
			return placeOf(dot, dir), true, nil
		}
	}
	if !isGitDir(dir, commonDir(dir), "") {
		return Place{}, false, nil
	}
	at = placeOf(dir, "")
	if filepath.Base(dir) == ".git" {
		at.WorkTree = filepath.Dir(dir)
	}
	return at, true, nil
}

// linkedGitDir reads a .git file, which linked work trees and submodules have in place of a folder.
func linkedGitDir(file string) (string, error) {
	text, err := gittext.ReadFile(file)
	if err != nil {
		return "", err
	}
	dir, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s does not begin with `gitdir: `", file)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Dir(file) + "/" + dir
	}
	return physical(dir), nil
}

// isGitDir reports whether git takes a folder for a repository: by its HEAD, which names a ref or a commit,
// and by its objects and refs, which may be links.
func isGitDir(dir, common, objects string) bool {
	if objects == "" {
		objects = filepath.Join(common, "objects")
	}
	for _, sub := range []string{objects, filepath.Join(common, "refs")} {
		if info, err := os.Stat(sub); err != nil || !info.IsDir() {
			return false
		}
	}
	head := filepath.Join(dir, "HEAD")
	if target, err := os.Readlink(head); err == nil {
		return strings.HasPrefix(target, "refs/")
	}
	text, err := gittext.ReadFile(head)
	if err != nil {
		return false
	}
	if name, symbolic := strings.CutPrefix(string(text), "ref:"); symbolic {
		return strings.HasPrefix(strings.TrimLeft(name, " \t\r\n"), "refs/")
	}
	return len(text) >= 40 && IsHex(string(text[:40]))
}

// commonDir is dir itself, but for a linked work tree.
func commonDir(dir string) string {
	text, err := gittext.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return dir
	}
	common := strings.TrimRight(string(text), "\r\n")
	if !filepath.IsAbs(common) {
		common = dir + "/" + common
	}
	return physical(common)
}

// physical is a path without links, or the path as it is where it leads nowhere.
func physical(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}
