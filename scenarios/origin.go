package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"buildbisect/scenarios/document"
)

// readSource reads where trees come from.
func readSource(top *document.Mapping, s *Scenario) {
	m := top.At("source").Mapping("source")
	s.Source.Good, _ = m.At("good").Line()
	s.Source.Bad, _ = m.At("bad").Line()
	s.Source.FirstParent = m.At("first-parent").Flag()
	s.Source.Paths = readPaths(m.At("paths"))
	s.Source.Git = m.At("git").Flag()
	s.Source.Submodules = m.At("submodules").Flag()
	switch {
	case m == nil:
	case m.Has("repo") && m.Has("history"):
		m.At("history").Mistake("repo is named too; trees come from one of them")
	case !m.Has("repo") && !m.Has("history"):
		m.Place.Mistake("neither repo nor history; say where the trees come from, such as repo: .")
	}
	s.Source.Repo = readRepo(m.At("repo"), s)
	if name, ok := m.At("history").Line(); ok {
		s.Source.History = name
		if f, err := s.OpenHistory(); err != nil {
			m.At("history").Mistake("%s", plainly(errors.Unwrap(err)))
		} else {
			f.Close()
		}
	}
}

// readPaths reads which commits count, by what they touch.
func readPaths(p document.Place) []string {
	elements, ok := p.List()
	if ok && len(elements) == 0 {
		p.Mistake("want at least one path; leave paths out for all commits to count")
	}
	var all []string
	for _, element := range elements {
		spec, ok := readPathspec(element)
		switch {
		case !ok:
		case slices.Contains(all, spec):
			element.Mistake("%s stands twice", spec)
		default:
			all = append(all, spec)
		}
	}
	return all
}

// readPathspec reads which files count, as git's pathspecs say it: see [decoder.isPathspec].
func readPathspec(p document.Place) (string, bool) {
	s, ok := p.Line()
	return s, ok && isPathspec(p, s)
}

// pathMagic is what may stand before a pattern, long or short: ":(glob)", ":!".
var pathMagic = regexp.MustCompile(`^:(\([^)]*\)|[!^/]*:?)`)

// isPathspec refuses what leads out of the repository. What magic there is, and what patterns mean,
// runner/git knows.
func isPathspec(p document.Place, s string) bool {
	pattern := strings.TrimPrefix(s, pathMagic.FindString(s))
	if clean := path.Clean(pattern); s == "" || path.IsAbs(pattern) || clean == ".." || strings.HasPrefix(clean, "../") {
		p.Mistake("want a path inside the repository, from its top, such as build/ or '*.mk'; got %q", document.Short(s))
		return false
	}
	return true
}

// remote recognizes a URL, and the user@host:path that git takes for one.
var remote = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://|^[^/:@]+@[^/:]+:`)

// readRepo reads the path of a repository, or of a folder in its work tree.
func readRepo(p document.Place, s *Scenario) string {
	name, ok := p.Line()
	switch {
	case !ok:
		return ""
	case remote.MatchString(name):
		p.Mistake("a URL is not supported in this version; clone it and give the path of the clone")
		return ""
	}
	if s.Dir != "" && !filepath.IsAbs(name) && filepath.Join(s.Dir, filepath.FromSlash(name)) == s.Dir {
		return standing(s.Dir)
	}
	return onDisk(p, name, s)
}

// standing is dir, or the nearest folder above it that is there: of a scenario that was read from a commit,
// the folder need not be.
func standing(dir string) string {
	for {
		above := filepath.Dir(dir)
		if _, err := os.Stat(dir); err == nil || above == dir {
			return dir
		}
		dir = above
	}
}

// onDisk resolves a path of the machine, and notes if nothing is there.
func onDisk(p document.Place, name string, s *Scenario) string {
	if s.Dir == "" {
		p.Mistake("a shipped scenario has no folder on this machine, so it cannot name a path of it")
		return ""
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.Dir, filepath.FromSlash(name))
	}
	if err := s.confined(name); err != nil {
		p.Mistake("%s", plainly(err))
		return ""
	}
	if _, err := os.Stat(name); err != nil {
		p.Mistake("%s", cause(err))
		return ""
	}
	return filepath.Clean(name)
}

// plainly is the reason inside an error of a file, without its path; any other error stays whole.
func plainly(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// OpenHistory opens the scenario's fast-import text. The caller closes it. A scenario without one gives
// fs.ErrNotExist.
func (s *Scenario) OpenHistory() (io.ReadCloser, error) {
	if s.Source.History == "" {
		return nil, fmt.Errorf("history of %s: it has none: %w", s.File, fs.ErrNotExist)
	}
	f, err := s.openBeside(s.Source.History)
	if err != nil {
		return nil, fmt.Errorf("history %s: %w", s.Source.History, err)
	}
	return f, nil
}

// openBeside opens a regular file by its path from the scenario's folder; anything else, such as a named
// pipe, could block for ever. Shipped scenarios reach each other's files, so that two of them can share a
// history.
func (s *Scenario) openBeside(name string) (fs.File, error) {
	stat := func() (fs.FileInfo, error) { return os.Stat(name) }
	open := func() (fs.File, error) { return os.Open(name) }
	switch {
	case s.Dir == "":
		name = path.Join(s.folder, name)
		stat = func() (fs.FileInfo, error) { return fs.Stat(s.FS, name) }
		open = func() (fs.File, error) { return s.FS.Open(name) }
	case !filepath.IsAbs(name):
		name = filepath.Join(s.Dir, filepath.FromSlash(name))
	}
	if err := s.confined(name); err != nil {
		return nil, err
	}
	info, err := stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return open()
}

// cause is the reason inside err, without the path, which its user shows in another way.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
