package git

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Mapping is what a .gitmodules file says of the submodule at one path.
type Mapping struct{ Name, Url string }

// Mappings is what the .gitmodules of a root tree says.
type Mappings struct {
	ByPath map[string]Mapping
	Wrong  error // why it cannot be read: the commit's own fault
}

// ReadMappings reads the .gitmodules of a root tree; one that is absent says nothing.
func (r *Repository) ReadMappings(tree plumbing.Hash) (*Mappings, error) {
	entries, err := r.ReadTree(tree)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Name == ".gitmodules" && (entry.Mode == filemode.Regular || entry.Mode == filemode.Executable) {
			return r.ParseMappings(entry.Hash)
		}
	}
	return &Mappings{}, nil
}

// ParseMappings reads a .gitmodules file.
func (r *Repository) ParseMappings(blob plumbing.Hash) (*Mappings, error) {
	content, _, err := r.Objects.Read(plumbing.BlobObject, blob)
	if err != nil {
		return nil, err
	}
	read := &Mappings{ByPath: map[string]Mapping{}}
	modules := config.NewModules()
	read.Wrong = modules.Unmarshal(content)
	for name, module := range modules.Submodules {
		read.ByPath[module.Path] = Mapping{Name: name, Url: module.URL}
	}
	return read, nil
}

// ModulePlaces returns where a submodule's repository may lie, of those places that hold one.
func (r *Repository) ModulePlaces(name, path string) []Place {
	var places []Place
	for _, dir := range []string{r.GitDir, r.CommonDir} { // they differ in a linked work tree
		dir = filepath.Join(dir, "modules", filepath.FromSlash(name))
		if isGitDir(dir, commonDir(dir), "") && (len(places) == 0 || places[0].GitDir != dir) {
			at := placeOf(dir, "")
			if r.WorkTree != "" {
				at.WorkTree, at.fixed = filepath.Join(r.WorkTree, filepath.FromSlash(path)), true
			}
			places = append(places, at)
		}
	}
	if !r.realWorkTree(path) {
		for i := range places {
			places[i].WorkTree = ""
		}
		return places
	}
	work := filepath.Join(r.WorkTree, filepath.FromSlash(path))
	if info, err := os.Lstat(filepath.Join(work, ".git")); err == nil && info.Mode()&os.ModeSymlink == 0 {
		if at, found, err := lookIn(work); err == nil && found && !strings.HasPrefix(at.GitDir, filepath.Join(r.CommonDir, "modules")) {
			places = append(places, at)
		}
	}
	return places
}
