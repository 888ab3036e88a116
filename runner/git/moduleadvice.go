package git

import (
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// checksOut reports whether the commit that is checked out has a submodule of the same name at a path.
func (r *Repository) checksOut(path string, mapped mapping) bool {
	head, ok := r.refs.resolve("HEAD")
	if at, found, err := lookIn(r.workTree); !ok || r.workTree == "" || err != nil || !found || at.gitDir != r.gitDir {
		return false
	}
	tree, err := r.graph.tree(head)
	if err != nil {
		return false
	}
	here, err := r.readMappings(tree)
	if err != nil || here.wrong != nil || here.byPath[path].name != mapped.name {
		return false
	}
	return r.entryMode(tree, path) == filemode.Submodule
}

// entryMode is what a path of a tree is; 0 for nothing.
func (r *Repository) entryMode(tree plumbing.Hash, path string) filemode.FileMode {
	name, rest, deeper := strings.Cut(path, "/")
	entries, err := r.readTree(tree)
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
func (r *Repository) urlOf(url string) string {
	if !strings.HasPrefix(url, "./") && !strings.HasPrefix(url, "../") {
		return url
	}
	base := r.objects.url
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

// insideModule reports whether a submodule's folder would lie in that of another.
func (r *Repository) insideModule(name string) bool {
	for dir := filepath.Dir(filepath.FromSlash(name)); dir != "."; dir = filepath.Dir(dir) {
		if above := filepath.Join(r.commonDir, "modules", dir); isGitDir(above, commonDir(above), "") {
			return true
		}
	}
	return false
}
