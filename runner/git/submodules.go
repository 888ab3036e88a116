package git

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git/gittext"
)

// mapping is what a .gitmodules file says of the submodule at one path.
type mapping struct{ name, url string }

// mappings is what the .gitmodules of a root tree says.
type mappings struct {
	byPath map[string]mapping
	wrong  error // why it cannot be read: the commit's own fault
}

// readMappings reads the .gitmodules of a root tree; one that is absent says nothing.
func (r *Repository) readMappings(tree plumbing.Hash) (*mappings, error) {
	entries, err := r.readTree(tree)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Name == ".gitmodules" && (entry.Mode == filemode.Regular || entry.Mode == filemode.Executable) {
			return r.parseMappings(entry.Hash)
		}
	}
	return &mappings{}, nil
}

func (r *Repository) parseMappings(blob plumbing.Hash) (*mappings, error) {
	content, _, err := r.objects.read(plumbing.BlobObject, blob)
	if err != nil {
		return nil, err
	}
	read := &mappings{byPath: map[string]mapping{}}
	modules := config.NewModules()
	read.wrong = modules.Unmarshal(content)
	for name, module := range modules.Submodules {
		read.byPath[module.Path] = mapping{name: name, url: module.URL}
	}
	return read, nil
}

// module finds the repository of a submodule that has its pinned commit: among those that git keeps in the
// parent's git folder, else in the parent's work tree. Nothing is fetched.
func (s *Source) module(top *root, path string, pinned plumbing.Hash) (*Repository, *MissingSubmodule, error) {
	missing := &MissingSubmodule{Path: top.prefix + path, Pinned: pinned.String()}
	mapped, ok := top.mappings.byPath[path]
	switch {
	case top.mappings.wrong != nil:
		missing.Why = fmt.Sprintf("%s.gitmodules of %s cannot be read: %v", top.prefix, gittext.Short(top.commit), top.mappings.wrong)
		return nil, missing, nil
	case !ok:
		missing.Why = fmt.Sprintf("%s.gitmodules of %s does not mention it", top.prefix, gittext.Short(top.commit))
		return nil, missing, nil
	case top.repo.wrongModuleName(mapped.name) != "":
		missing.Why = fmt.Sprintf("its name %q %s", mapped.name, top.repo.wrongModuleName(mapped.name))
		return nil, missing, nil
	}
	if !filepath.IsLocal(mapped.name) || slices.Contains(strings.Split(mapped.name, "/"), "..") {
		missing.Why = fmt.Sprintf("its name %q leads out of the repository", mapped.name)
		return nil, missing, nil
	}
	var stale *Repository // a copy that lacks the commit
	for _, at := range top.repo.modulePlaces(mapped.name, path) {
		module, err := s.openModule(at)
		if err != nil {
			return nil, nil, fmt.Errorf("submodule %s: %w", missing.Path, err)
		}
		if module.objects.has(pinned) {
			return module, nil, nil
		}
		stale = module
	}
	if stale == nil {
		top.advise(missing, path, mapped)
		return nil, missing, nil
	}
	missing.Why = fmt.Sprintf("the copy in %s lacks the commit", stale.gitDir)
	missing.Command = fmt.Sprintf("git --git-dir=%s fetch -- %s %s", gittext.Quoted(stale.gitDir), gittext.Quoted(cmp.Or(stale.objects.remote, "origin")), pinned)
	return nil, missing, nil
}

// modulePlaces returns where a submodule's repository may lie, of those places that hold one.
func (r *Repository) modulePlaces(name, path string) []place {
	var places []place
	for _, dir := range []string{r.gitDir, r.commonDir} { // they differ in a linked work tree
		dir = filepath.Join(dir, "modules", filepath.FromSlash(name))
		if isGitDir(dir, commonDir(dir), "") && (len(places) == 0 || places[0].gitDir != dir) {
			at := placeOf(dir, "")
			if r.workTree != "" {
				at.workTree, at.fixed = filepath.Join(r.workTree, filepath.FromSlash(path)), true
			}
			places = append(places, at)
		}
	}
	if !r.realWorkTree(path) {
		for i := range places {
			places[i].workTree = ""
		}
		return places
	}
	work := filepath.Join(r.workTree, filepath.FromSlash(path))
	if info, err := os.Lstat(filepath.Join(work, ".git")); err == nil && info.Mode()&os.ModeSymlink == 0 {
		if at, found, err := lookIn(work); err == nil && found && !strings.HasPrefix(at.gitDir, filepath.Join(r.commonDir, "modules")) {
			places = append(places, at)
		}
	}
	return places
}

func (s *Source) openModule(at place) (*Repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if module, ok := s.modules[at.gitDir]; ok {
		return module, nil
	}
	module, err := openAt(at, s.repo.objects.cache, noVariables)
	if err != nil {
		return nil, err
	}
	s.modules[at.gitDir] = module
	s.repo.objects.adopt(module)
	return module, nil
}
