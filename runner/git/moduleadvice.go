package git

import (
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// ChecksOut reports whether the commit that is checked out has a submodule of the same name at a path.
func (r *Repository) ChecksOut(path string, mapped Mapping) bool {
	head, ok := r.Refs.resolve("HEAD")
	if at, found, err := lookIn(r.WorkTree); !ok || r.WorkTree == "" || err != nil || !found || at.GitDir != r.GitDir {
		return false
	}
	tree, err := r.Graph.Tree(head)
	if err != nil {
		return false
	}
	here, err := r.ReadMappings(tree)
	if err != nil || here.Wrong != nil || here.ByPath[path].Name != mapped.Name {
		return false
	}
	return r.entryMode(tree, path) == filemode.Submodule
}

// entryMode is what a path of a tree is; 0 for nothing.
func (r *Repository) entryMode(tree plumbing.Hash, path string) filemode.FileMode {
	name, rest, deeper := strings.Cut(path, "/")
	entries, err := r.ReadTree(tree)
	if err != nil {
		return 0
	}
	for _, entry := range entries {
		switch {
		case entry.Name != name:
		case !deeper:
			return entry.Mode
		case entry.Mode == filemode.Dir:
			return r.entryMode(entry.Hash, rest)
		}
	}
	return 0
}

// urlOf is a submodule's URL from this machine: a relative one starts at where the repository itself was
// cloned from, or else at the repository.
func (r *Repository) URLOf(url string) string {
	if !strings.HasPrefix(url, "./") && !strings.HasPrefix(url, "../") {
		return url
	}
	base := r.Objects.URL
	if base == "" {
		base = r.top()
	}
	base = strings.TrimRight(base, "/")
	if !strings.Contains(base, ":") && !filepath.IsAbs(base) {
		base = filepath.Join(r.top(), base)
	}
	for {
		if rest, ok := strings.CutPrefix(url, "./"); ok {
			url = rest
			continue
		}
		rest, ok := strings.CutPrefix(url, "../")
		if !ok {
			return base + "/" + url
		}
		url = rest
		slash := strings.LastIndexByte(base, '/')
		if slash < 0 { // user@host:path
			if slash = strings.LastIndexByte(base, ':'); slash < 0 {
				return ""
			}
			return base[:slash+1] + url
		}
		base = base[:slash]
	}
}

// InsideModule reports whether a submodule's folder would lie in that of another.
func (r *Repository) InsideModule(name string) bool {
	for dir := filepath.Dir(filepath.FromSlash(name)); dir != "."; dir = filepath.Dir(dir) {
		if above := filepath.Join(r.CommonDir, "modules", dir); isGitDir(above, commonDir(above), "") {
			return true
		}
	}
	return false
}
