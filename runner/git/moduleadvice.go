package git

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git/gittext"
)

// fetchable are the URLs that a user is advised to fetch from: those whose transport runs no program of their
// choice, and paths. What a .gitmodules file says is anybody's word: ext:: runs a command.
var fetchable = regexp.MustCompile(`^(?:(?:https?|ssh|git|file)://[^-]|[^-/:@]+@[^-/:][^/:]*:|[A-Za-z0-9][A-Za-z0-9.-]*:(?:[^:/]|/[^/])|/|\.\.?/|[A-Za-z0-9._][^:]*$)`)

// advise says how to get a submodule that is nowhere on this machine.
func (top *root) advise(missing *MissingSubmodule, path string, mapped mapping) {
	missing.Why = fmt.Sprintf("it was never fetched from %q", mapped.url)
	into := filepath.Join(top.repo.commonDir, "modules", filepath.FromSlash(mapped.name))
	switch url := top.repo.urlOf(mapped.url); {
	case top.repo.checksOut(path, mapped):
		// Git knows no other submodules than those of the commit that is checked out.
		missing.Command = fmt.Sprintf("git -C %s submodule update --init --recursive -- %s", gittext.Quoted(top.repo.workTree), gittext.Quoted(path))
	case url == "":
		missing.Why += ", and .gitmodules has no URL for it"
	case !fetchable.MatchString(url) || gittext.Printable(url) != url || gittext.Printable(into) != into:
		missing.Why += ", which is no URL to fetch from without a close look"
	case top.repo.insideModule(mapped.name):
		missing.Why += fmt.Sprintf(", and its name %q lies in another submodule's", mapped.name)
	default:
		missing.Command = fmt.Sprintf("git -C %s clone --bare -- %s %s", gittext.Quoted(top.repo.gitDir), gittext.Quoted(url), gittext.Quoted(into))
	}
}

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
