package git

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Bisection is a `git bisect` under way in a work tree. Git checks out one commit after the other, so that a
// file which is committed is another at each step, or is absent.
type Bisection struct {
	repo *Repository
	head Commit
	from []Commit // where it began: what was checked out then, and the first bad commit that was named
}

// Bisection is the one under way in r's work tree; nil: none.
func (r *Repository) Bisection() (*Bisection, error) {
	start, err := os.ReadFile(filepath.Join(r.GitDir, "BISECT_START"))
	if errors.Is(err, fs.ErrNotExist) || r.WorkTree == "" {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("git bisect in %s: %w", r.WorkTree, err)
	}
	b := &Bisection{repo: r}
	if b.head, err = r.Resolve("HEAD"); err != nil {
		return nil, fmt.Errorf("git bisect in %s: %w", r.WorkTree, err)
	}
	name := strings.TrimSpace(string(start))
	for _, rev := range []string{"refs/heads/" + name, name} {
		if commit, err := r.Resolve(rev); err == nil {
			b.from = append(b.from, commit)
			break
		}
	}
	if commit, err := r.Resolve(r.firstBad()); err == nil {
		b.from = append(b.from, commit)
	}
	return b, nil
}

// firstBad is the id of the commit that was first named as bad; "": none was. Later ones move
// refs/bisect/bad.
func (r *Repository) firstBad() string {
	terms, _ := os.ReadFile(filepath.Join(r.GitDir, "BISECT_TERMS"))
	bad, _, _ := strings.Cut(string(terms), "\n")
	log, _ := os.ReadFile(filepath.Join(r.GitDir, "BISECT_LOG"))
	for line := range strings.Lines(string(log)) {
		if rest, ok := strings.CutPrefix(line, "# "+cmp.Or(bad, "bad")+": ["); ok {
			id, _, _ := strings.Cut(rest, "]")
			return id
		}
	}
	return ""
}

// Fixed gives the text that the file at an absolute path had where the bisection began, and the commit of
// that, in place of what git has checked out; a nil text: it was not there. What is not git's is left alone,
// and changed is false: a file outside of the work tree, one that is not committed, one with changes of its
// own, which git carries from commit to commit, and one that is the same in both commits.
func (b *Bisection) Fixed(path string) (text []byte, from Commit, changed bool, err error) {
	name, err := filepath.Rel(b.repo.WorkTree, path)
	if err != nil || !filepath.IsLocal(name) || len(b.from) == 0 {
		return nil, from, false, nil
	}
	name = filepath.ToSlash(name)
	now, err := b.repo.file(b.head, name)
	if err != nil {
		return nil, from, false, err
	}
	if here, err := os.ReadFile(path); err == nil && (now == nil || !sameLines(here, now)) {
		return nil, from, false, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, from, false, err
	}
	for _, from = range b.from {
		if text, err = b.repo.file(from, name); text != nil || err != nil {
			break
		}
	}
	return text, from, err == nil && ((text == nil) != (now == nil) || !bytes.Equal(text, now)), err
}

// sameLines takes no line ends into account, which a checkout may change.
func sameLines(a, b []byte) bool {
	return bytes.Equal(bytes.ReplaceAll(a, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
}

// file is a regular file of a commit, by its path from the top; nil: there is none.
func (r *Repository) file(commit Commit, path string) ([]byte, error) {
	h, err := r.Header(commit.ID)
	if err != nil {
		return nil, err
	}
	at := h.Tree
	names := strings.Split(path, "/")
	for i, name := range names {
		entries, err := r.ReadTree(at)
		if err != nil {
			return nil, err
		}
		found := false
		for _, e := range entries {
			isFile := e.Mode == filemode.Regular || e.Mode == filemode.Executable || e.Mode == filemode.Deprecated
			if last := i == len(names)-1; e.Name == name && (last && isFile || !last && e.Mode == filemode.Dir) {
				at, found = e.Hash, true
			}
		}
		if !found {
			return nil, nil
		}
	}
	content, _, err := r.Objects.Read(plumbing.BlobObject, at)
	if content == nil && err == nil {
		content = []byte{}
	}
	return content, err
}
