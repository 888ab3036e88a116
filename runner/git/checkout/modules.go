package checkout

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittext"
)

// module finds the repository of a submodule that has its pinned commit: among those that git keeps in the
// parent's git folder, else in the parent's work tree. Nothing is fetched.
func (s *Source) module(top *root, path string, pinned plumbing.Hash) (*git.Repository, *git.MissingSubmodule, error) {
	missing := &git.MissingSubmodule{Path: top.prefix + path, Pinned: pinned.String()}
	mapped, ok := top.mappings.ByPath[path]
	switch {
	case top.mappings.Wrong != nil:
		missing.Why = fmt.Sprintf("%s.gitmodules of %s cannot be read: %v", top.prefix, gittext.Short(top.commit), top.mappings.Wrong)
		return nil, missing, nil
	case !ok:
		missing.Why = fmt.Sprintf("%s.gitmodules of %s does not mention it", top.prefix, gittext.Short(top.commit))
		return nil, missing, nil
	case top.repo.WrongModuleName(mapped.Name) != "":
		missing.Why = fmt.Sprintf("its name %q %s", mapped.Name, top.repo.WrongModuleName(mapped.Name))
		return nil, missing, nil
	}
	if !filepath.IsLocal(mapped.Name) || slices.Contains(strings.Split(mapped.Name, "/"), "..") {
		missing.Why = fmt.Sprintf("its name %q leads out of the repository", mapped.Name)
		return nil, missing, nil
	}
	var stale *git.Repository // a copy that lacks the commit
	for _, at := range top.repo.ModulePlaces(mapped.Name, path) {
		module, err := s.openModule(at)
		if err != nil {
			return nil, nil, fmt.Errorf("submodule %s: %w", missing.Path, err)
		}
		if module.Objects.Has(pinned) {
			return module, nil, nil
		}
		stale = module
	}
	if stale == nil {
		top.advise(missing, path, mapped)
		return nil, missing, nil
	}
	missing.Why = fmt.Sprintf("the copy in %s lacks the commit", stale.GitDir)
	missing.Command = fmt.Sprintf("git --git-dir=%s fetch -- %s %s", gittext.Quoted(stale.GitDir), gittext.Quoted(cmp.Or(stale.Objects.Remote, "origin")), pinned)
	return nil, missing, nil
}

func (s *Source) openModule(at git.Place) (*git.Repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if module, ok := s.modules[at.GitDir]; ok {
		return module, nil
	}
	module, err := git.OpenAt(at, s.repo.Objects.Cache, git.NoVariables)
	if err != nil {
		return nil, err
	}
	s.modules[at.GitDir] = module
	s.repo.Objects.Adopt(module)
	return module, nil
}

// fetchable are the URLs that a user is advised to fetch from: those whose transport runs no program of their
// choice, and paths. What a .gitmodules file says is anybody's word: ext:: runs a command.
var fetchable = regexp.MustCompile(`^(?:(?:https?|ssh|git|file)://[^-]|[^-/:@]+@[^-/:][^/:]*:|[A-Za-z0-9][A-Za-z0-9.-]*:(?:[^:/]|/[^/])|/|\.\.?/|[A-Za-z0-9._][^:]*$)`)

// advise says how to get a submodule that is nowhere on this machine.
func (top *root) advise(missing *git.MissingSubmodule, path string, mapped git.Mapping) {
	missing.Why = fmt.Sprintf("it was never fetched from %q", mapped.Url)
	into := filepath.Join(top.repo.CommonDir, "modules", filepath.FromSlash(mapped.Name))
	switch url := top.repo.URLOf(mapped.Url); {
	case top.repo.ChecksOut(path, mapped):
		// Git knows no other submodules than those of the commit that is checked out.
		missing.Command = fmt.Sprintf("git -C %s submodule update --init --recursive -- %s", gittext.Quoted(top.repo.WorkTree), gittext.Quoted(path))
	case url == "":
		missing.Why += ", and .gitmodules has no URL for it"
	case !fetchable.MatchString(url) || gittext.Printable(url) != url || gittext.Printable(into) != into:
		missing.Why += ", which is no URL to fetch from without a close look"
	case top.repo.InsideModule(mapped.Name):
		missing.Why += fmt.Sprintf(", and its name %q lies in another submodule's", mapped.Name)
	default:
		missing.Command = fmt.Sprintf("git -C %s clone --bare -- %s %s", gittext.Quoted(top.repo.GitDir), gittext.Quoted(url), gittext.Quoted(into))
	}
}
