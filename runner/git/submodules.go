package git

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
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
