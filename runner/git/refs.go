package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"buildbisect/runner/git/gittext"
)

// refs reads a repository's refs as git's files backend keeps them: loose ones before packed ones, some of
// them each work tree's own. Any part of the way may be a symbolic link. A ref that cannot be read is passed
// over, as by git.
//
// go-git's reader is not used: it does not leave the folder that it was given, takes the file that a link is
// for the ref, and one ref that cannot be read makes its list of all of them fail.
type refs struct {
	gitDir    string
	commonDir string // as the commondir file has it: git looks for no refs where GIT_COMMON_DIR points
	mu        sync.Mutex
	packed    map[string]plumbing.Hash
	read      os.FileInfo // the packed-refs file that packed was read from; nil: none
}

// symbolicDeep is how many refs git follows from one to the next.
const symbolicDeep = 5

// resolve returns the object that a full name stands for, through refs that name others; false where there is
// none.
func (r *refs) resolve(name string) (plumbing.Hash, bool) {
	for range symbolicDeep + 1 {
		ref := r.one(name)
		if ref == nil {
			return plumbing.ZeroHash, false
		}
		if ref.Type() == plumbing.HashReference {
			return ref.Hash(), !ref.Hash().IsZero()
		}
		name = ref.Target().String()
	}
	return plumbing.ZeroHash, false
}

// one reads the ref of a full name; nil where there is none.
func (r *refs) one(name string) *plumbing.Reference {
	if !safeRefName(name) {
		return nil
	}
	dir, file := r.home(name)
	if ref := looseRef(dir, file, name); ref != nil {
		return ref
	}
	packed, err := r.packedRefs()
	if id, ok := packed[name]; ok && err == nil {
		return plumbing.NewHashReference(plumbing.ReferenceName(name), id)
	}
	return nil
}

// home returns where the file of a ref lies: some belong to one work tree, as gitrepository-layout(5) has it.
func (r *refs) home(name string) (dir, file string) {
	if rest, ok := strings.CutPrefix(name, "main-worktree/"); ok {
		return r.commonDir, rest
	}
	if rest, ok := strings.CutPrefix(name, "worktrees/"); ok {
		if work, file, ok := strings.Cut(rest, "/"); ok && work != "" {
			return filepath.Join(r.commonDir, "worktrees", work), file
		}
	}
	if !strings.HasPrefix(name, "refs/") || ownOfWorkTree(name) {
		return r.gitDir, name
	}
	return r.commonDir, name
}

func ownOfWorkTree(name string) bool {
	return strings.HasPrefix(name, "refs/bisect/") || strings.HasPrefix(name, "refs/worktree/") || strings.HasPrefix(name, "refs/rewritten/")
}

// safeRefName reports whether a name may be looked for among a repository's files.
func safeRefName(name string) bool {
	if name == "" || strings.ContainsAny(name, "\x00\\") || filepath.IsAbs(name) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// looseRef reads the file of a ref. Old gits, and core.preferSymlinkRefs, write a ref that names another as a
// link to the other's name: where that other is packed, or lies in another folder, the link leads nowhere.
func looseRef(dir, file, name string) *plumbing.Reference {
	path := filepath.Join(dir, file)
	if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "refs/") && safeRefName(target) {
		return plumbing.NewSymbolicReference(plumbing.ReferenceName(name), plumbing.ReferenceName(target))
	}
	text, err := gittext.ReadFile(path)
	if err != nil {
		return nil
	}
	if target, ok := bytes.CutPrefix(text, []byte("ref:")); ok {
		return plumbing.NewSymbolicReference(plumbing.ReferenceName(name), plumbing.ReferenceName(bytes.TrimSpace(target)))
	}
	// An id, and in some of git's own files (FETCH_HEAD) more behind it.
	if len(text) < 40 || !IsHex(string(text[:40])) || len(text) > 40 && !gittext.IsSpace(text[40]) {
		return nil
	}
	return plumbing.NewHashReference(plumbing.ReferenceName(name), plumbing.NewHash(string(text[:40])))
}

// packedRefs reads the packed-refs file, again only when it is another.
func (r *refs) packedRefs() (map[string]plumbing.Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := filepath.Join(r.commonDir, "packed-refs")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if r.read != nil && os.SameFile(r.read, info) && r.read.Size() == info.Size() && r.read.ModTime().Equal(info.ModTime()) {
		return r.packed, nil
	}
	text, err := gittext.ReadFile(path)
	if err != nil {
		return nil, err
	}
	packed := map[string]plumbing.Hash{}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\n")
		if len(line) == 0 || line[0] == '#' || line[0] == '^' { // ^: what the tag before it leads to
			continue
		}
		if len(line) < 42 || !IsHex(string(line[:40])) || !gittext.IsSpace(line[40]) {
			return nil, fmt.Errorf("%s: the line %.80q is none of a packed-refs file, git refuses it too; take it out", path, line)
		}
		packed[string(line[41:])] = plumbing.NewHash(string(line[:40]))
	}
	r.packed, r.read = packed, info
	return packed, nil
}

// IterReferences lists the refs below refs/ and HEAD, ordered by name, each as it is: a ref that names
// another is not followed. Those of other work trees are left out.
func (r *refs) IterReferences() (storer.ReferenceIter, error) {
	all := map[string]*plumbing.Reference{}
	packed, err := r.packedRefs()
	if err != nil {
		return nil, fmt.Errorf("refs: %w", err)
	}
	for name, id := range packed {
		if safeRefName(name) {
			all[name] = plumbing.NewHashReference(plumbing.ReferenceName(name), id)
		}
	}
	r.list(all, r.commonDir, "refs", nil, func(name string) bool { return r.gitDir == r.commonDir || !ownOfWorkTree(name+"/") })
	if r.gitDir != r.commonDir {
		for _, own := range []string{"refs/bisect", "refs/rewritten", "refs/worktree"} {
			r.list(all, r.gitDir, own, nil, func(string) bool { return true })
		}
	}
	if head := r.one("HEAD"); head != nil {
		all["HEAD"] = head
	}
	ordered := make([]*plumbing.Reference, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		ordered = append(ordered, all[name])
	}
	return storer.NewReferenceSliceIter(ordered), nil
}

// list adds the loose refs below a folder. above are the real paths of the folders on the way: a link back to
// one of them would have no end.
func (r *refs) list(all map[string]*plumbing.Reference, dir, name string, above []string, wanted func(string) bool) {
	path := filepath.Join(dir, name)
	here := physical(path)
	entries, err := os.ReadDir(path)
	if err != nil || slices.Contains(above, here) || !wanted(name) {
		return
	}
	above = append(slices.Clip(above), here)
	for _, entry := range entries {
		inner := name + "/" + entry.Name()
		if !safeRefName(inner) {
			continue
		}
		if ref := looseRef(dir, inner, inner); ref != nil {
			all[inner] = ref
		} else if info, err := os.Stat(filepath.Join(dir, inner)); err == nil && info.IsDir() {
			r.list(all, dir, inner, above, wanted)
		}
	}
}
