package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"buildbisect/scenarios/document"
)

// Top is the folder of the repository that the scenario lies in: out of it a scenario that nobody has read
// reaches no file. Where there is no repository it is the scenario's own folder; "" for a shipped scenario.
func (s *Scenario) Top() string {
	if s.Dir == "" {
		return ""
	}
	return Top(s.Dir)
}

// Top is the nearest folder, dir or above, that holds a .git; dir itself where there is none.
func Top(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// errOutside says that a path leads out of the folder that it must stay in, by itself or by a link on its
// way.
var errOutside = errors.New("leads out of it")

// openWithin opens a regular file or a folder of folder, by an absolute path or one from folder. No link on
// the way leads out of it, even if it is made meanwhile.
func openWithin(folder, name string) (*os.File, error) {
	near, err := nearWithin(folder, name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(near)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")} // to open it could block for ever
	}
	if err != nil {
		return nil, outside(name, err)
	}
	f, err := root.Open(near)
	return f, outside(name, err)
}

// nearWithin is the path from folder to name, which is lexically within it.
func nearWithin(folder, name string) (string, error) {
	near := filepath.FromSlash(name)
	if filepath.IsAbs(near) {
		var err error
		if near, err = filepath.Rel(folder, near); err != nil {
			return "", &fs.PathError{Op: "open", Path: name, Err: errOutside}
		}
	}
	if !filepath.IsLocal(near) {
		return "", &fs.PathError{Op: "open", Path: name, Err: errOutside}
	}
	return near, nil
}

// outside is err, or errOutside where that is what [os.Root] means: it has no error to compare with.
func outside(name string, err error) error {
	p, ok := errors.AsType[*fs.PathError](err)
	if ok && strings.Contains(p.Err.Error(), "escapes") {
		return &fs.PathError{Op: p.Op, Path: name, Err: errOutside}
	}
	return err
}

// isWithin reports whether name, with all links followed, is something in folder.
func isWithin(folder, name string) bool {
	f, err := openWithin(folder, name)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// confined says, of a scenario that is not trusted, what keeps it from the path name: nil if it lies in the
// scenario's repository.
func (s *Scenario) confined(name string) error {
	if !s.untrusted || s.Dir == "" {
		return nil
	}
	f, err := openWithin(s.Top(), name)
	if errors.Is(err, errOutside) {
		return fmt.Errorf("--untrusted: %s leads out of the scenario's repository, %s; put a copy there, or leave --untrusted out for a scenario that you trust", name, s.Top())
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Reading is a file of this machine that a scenario has read, beside its own repository.
type Reading struct {
	Key  string // path of the key that names it
	File string
}

// Reads lists what plans name: files that secrets are had from, and whatever lies outside of the scenario's
// own folder, or for a repository outside of the one that the scenario lies in.
func (s *Scenario) Reads() []Reading {
	var all []Reading
	if s.Dir == "" {
		return nil
	}
	if s.Source.Repo != "" && !isWithin(s.Top(), s.Source.Repo) {
		all = append(all, Reading{"source.repo", s.Source.Repo})
	}
	if s.Source.History != "" && !isWithin(s.Dir, s.Source.History) {
		all = append(all, Reading{"source.history", s.Source.History})
	}
	for _, name := range sortedNames(s.Builder.Secrets) {
		if file := s.Builder.Secrets[name].FromFile; file != "" {
			all = append(all, Reading{document.PathBelow("builder.secrets", name), file})
		}
	}
	return append(all, s.outside...)
}
