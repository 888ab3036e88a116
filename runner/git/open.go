package git

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// Repository is one repository, read in place. Its methods may be called at the same time; Close ends them all.
type Repository struct {
	place
	refs    *filesystem.Storage
	objects *objects
	graph   *graph
}

// place is where a repository's parts lie, as absolute paths.
type place struct {
	gitDir    string // holds HEAD
	commonDir string // holds objects, refs and config; differs from gitDir in a linked work tree
	workTree  string // "" for a bare repository
}

// Path is the top of the repository's work tree, or the repository itself if it is bare.
func (r *Repository) Path() string {
	if r.workTree != "" {
		return r.workTree
	}
	return r.gitDir
}

// Open opens the repository that path lies in, as git finds it: path's own .git, or else that of the nearest folder above.
func Open(path string) (*Repository, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &NotRepositoryError{Path: path, Why: err.Error()}
	}
	info, err := os.Stat(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotRepositoryError{Path: path, Why: "no such folder; name the repository, or a folder in it"}
	} else if err != nil {
		return nil, &NotRepositoryError{Path: path, Why: err.Error()}
	}
	if !info.IsDir() {
		abs = filepath.Dir(abs)
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		at, found, err := lookIn(dir)
		if err != nil {
			return nil, &NotRepositoryError{Path: path, Why: err.Error()}
		}
		if found {
			return openAt(at, cache.NewObjectLRUDefault())
		}
		if dir == filepath.Dir(dir) {
			return nil, &NotRepositoryError{Path: path, Why: "not in a git repository; name one with `source: {repo: PATH}`, or make one with `git init`"}
		}
	}
}

// lookIn reports whether dir is the top of a work tree, or a repository itself.
func lookIn(dir string) (at place, found bool, err error) {
	dot := filepath.Join(dir, ".git")
	if info, statErr := os.Stat(dot); statErr == nil {
		if !info.IsDir() {
			if dot, err = linkedGitDir(dot); err != nil {
				return place{}, false, err
			}
			if !isGitDir(dot) {
				return place{}, false, fmt.Errorf("%s names %s, which is no repository; was it moved? try `git worktree repair` or `git submodule update --init`", filepath.Join(dir, ".git"), dot)
			}
		}
		if isGitDir(dot) {
			return place{gitDir: dot, commonDir: commonDir(dot), workTree: dir}, true, nil
		}
	}
	if !isGitDir(dir) {
		return place{}, false, nil
	}
	at = place{gitDir: dir, commonDir: commonDir(dir)}
	if filepath.Base(dir) == ".git" {
		at.workTree = filepath.Dir(dir)
	}
	return at, true, nil
}

// linkedGitDir reads a .git file, which linked work trees and submodules have in place of a folder.
func linkedGitDir(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s does not begin with `gitdir: `", file)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(file), dir)
	}
	return filepath.Clean(dir), nil
}

func isGitDir(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false
	}
	for _, sub := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(commonDir(dir), sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// commonDir is dir itself, but for a linked work tree.
func commonDir(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return dir
	}
	common := strings.TrimSpace(string(text))
	if !filepath.IsAbs(common) {
		common = filepath.Join(dir, common)
	}
	return common
}

// openAt opens the repository at a known place. Submodules share their parent's cache, and so its bound on memory.
func openAt(at place, shared cache.Object) (*Repository, error) {
	settings, err := readFormat(at)
	if err != nil {
		return nil, err
	}
	var files billy.Filesystem = osfs.New(at.gitDir)
	if at.commonDir != at.gitDir {
		files = dotgit.NewRepositoryFilesystem(files, osfs.New(at.commonDir))
	}
	refs := filesystem.NewStorageWithOptions(files, shared, storageOptions())
	stores, err := alternates(filepath.Join(at.commonDir, "objects"), shared)
	if err != nil {
		return nil, &NotRepositoryError{Path: at.gitDir, Why: err.Error()}
	}
	objects := &objects{
		stores:  append([]*filesystem.Storage{refs}, stores...),
		cache:   shared,
		place:   at,
		partial: settings.promisor != "",
		remote:  settings.promisor,
	}
	graph, err := newGraph(at, objects)
	if err != nil {
		return nil, err
	}
	return &Repository{place: at, refs: refs, objects: objects, graph: graph}, nil
}

// storageOptions keep packs open, so that a `git gc` beside us takes nothing away that is in use, and stream blobs
// above 8 MiB instead of holding them.
func storageOptions() filesystem.Options {
	return filesystem.Options{KeepDescriptors: true, LargeObjectThreshold: 8 << 20}
}

// format is what a repository's config says about how to read it.
type format struct {
	promisor string // remote of a partial clone
}

// readFormat refuses what this package would misread. go-git's own check is not used: it refuses partial clones and
// work trees with a config of their own, which are as readable as any.
func readFormat(at place) (format, error) {
	file, err := os.Open(filepath.Join(at.commonDir, "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return format{}, nil
	} else if err != nil {
		return format{}, &NotRepositoryError{Path: at.gitDir, Why: err.Error()}
	}
	defer file.Close()
	parsed := config.New()
	if err := config.NewDecoder(file).Decode(parsed); err != nil {
		return format{}, &NotRepositoryError{Path: at.gitDir, Why: fmt.Sprintf("its config cannot be read: %v", err)}
	}
	var f format
	extensions := parsed.Section("extensions").Options
	for _, o := range extensions {
		switch strings.ToLower(o.Key) {
		case "objectformat":
			if !strings.EqualFold(o.Value, "sha1") {
				return format{}, &NotRepositoryError{Path: at.gitDir, Why: fmt.Sprintf("its ids are %s, and only sha1 can be read yet; use a sha1 clone", o.Value)}
			}
		case "refstorage":
			if !strings.EqualFold(o.Value, "files") {
				return format{}, &NotRepositoryError{Path: at.gitDir, Why: fmt.Sprintf("its refs are stored as %s, and only files can be read yet; run `git refs migrate --ref-format=files`", o.Value)}
			}
		case "partialclone":
			f.promisor = o.Value
		}
	}
	for _, remote := range parsed.Section("remote").Subsections {
		if strings.EqualFold(remote.Option("promisor"), "true") {
			f.promisor = remote.Name
		}
	}
	return f, nil
}

// alternates opens the object folders that dir borrows from, and those that these borrow from, nearest first.
func alternates(dir string, shared cache.Object) ([]*filesystem.Storage, error) {
	var stores []*filesystem.Storage
	seen := map[string]bool{dir: true}
	for queue := []string{dir}; len(queue) > 0; queue = queue[1:] {
		file, err := os.Open(filepath.Join(queue[0], "info", "alternates"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			other := strings.TrimSpace(lines.Text())
			if other == "" || strings.HasPrefix(other, "#") {
				continue
			}
			if !filepath.IsAbs(other) {
				other = filepath.Join(queue[0], other)
			}
			if other = filepath.Clean(other); seen[other] {
				continue
			}
			seen[other] = true
			if info, err := os.Stat(other); err != nil || !info.IsDir() || filepath.Base(other) != "objects" {
				file.Close()
				return nil, fmt.Errorf("it borrows objects from %s, which is no object folder; correct %s", other, file.Name())
			}
			stores = append(stores, filesystem.NewStorageWithOptions(osfs.New(filepath.Dir(other)), shared, storageOptions()))
			queue = append(queue, other)
		}
		err = lines.Err()
		file.Close()
		if err != nil {
			return nil, err
		}
	}
	return stores, nil
}

// Close lets go of the open packs.
func (r *Repository) Close() error {
	return r.objects.close()
}

// shallowEnds reads where a shallow clone was cut: commits whose parents are not here.
func shallowEnds(at place) (map[plumbing.Hash]bool, error) {
	text, err := os.ReadFile(filepath.Join(at.commonDir, "shallow"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	ends := map[plumbing.Hash]bool{}
	for line := range strings.FieldsSeq(string(text)) {
		ends[plumbing.NewHash(line)] = true
	}
	return ends, nil
}
