package git

import (
	"os"
	"path/filepath"
	"strings"
)

// A commit says under which name a submodule's repository lies, and at which path its work tree: both are a
// stranger's word, and must not lead to another repository of the user's, whose commit would be built then.

// WrongModuleName says why git keeps no submodule under a name below folders of this repository; "" if it
// may.
func (r *Repository) WrongModuleName(name string) string {
	parts := strings.FieldsFunc(name, func(c rune) bool { return c == '/' || c == '\\' })
	if len(parts) == 0 || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "leads out of the repository"
	}
	for i, part := range parts {
		switch {
		case part == "..", part == ".":
			return "leads out of the repository"
		case i == 0:
			continue
		}
		for _, dir := range []string{r.GitDir, r.CommonDir} {
			above := filepath.Join(dir, "modules", filepath.Join(parts[:i]...))
			if _, err := os.Lstat(filepath.Join(above, "HEAD")); err == nil {
				return "leads into that of another submodule, " + strings.Join(parts[:i], "/")
			}
		}
	}
	return ""
}

// realWorkTree reports whether a path leads through real folders of the work tree alone. Git follows no link
// on the way to a submodule either.
func (r *Repository) realWorkTree(path string) bool {
	if r.WorkTree == "" || !filepath.IsLocal(filepath.FromSlash(path)) {
		return false
	}
	at := r.WorkTree
	for part := range strings.SplitSeq(path, "/") {
		at = filepath.Join(at, part)
		if info, err := os.Lstat(at); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}
