package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"buildbisect/runner/git/gittext"
)

// alternatesDeep is how far git follows object folders that borrow from others.
const alternatesDeep = 5

// objectFolders returns the repository's own object folder and those that it borrows from, in the order in
// which git asks them, each once; missing are those that are not there, which git passes over too.
func objectFolders(at Place) (folders, missing []string, err error) {
	l := &alternateLister{seen: map[string]bool{}}
	l.add(at.objectDir)
	if at.borrowed != "" {
		here, err := os.Getwd()
		if err != nil {
			return nil, nil, err
		}
		if err := l.follow(splitAlternates(at.borrowed, string(filepath.ListSeparator)), here, 0); err != nil {
			return nil, nil, err
		}
	}
	if err := l.inFile(at.objectDir, 0); err != nil {
		return nil, nil, err
	}
	return l.folders, l.missing, nil
}

type alternateLister struct {
	folders, missing []string
	seen             map[string]bool // by real path
}

// add notes a folder, and reports whether it is a new one.
func (l *alternateLister) add(dir string) bool {
	same := physical(dir)
	if l.seen[same] {
		return false
	}
	l.seen[same] = true
	l.folders = append(l.folders, dir)
	return true
}

// inFile follows what the alternates file of an object folder names.
func (l *alternateLister) inFile(dir string, depth int) error {
	file := filepath.Join(dir, "info", "alternates")
	text, err := gittext.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("what it borrows objects from: %w", err)
	}
	return l.follow(splitAlternates(string(text), "\n"), dir, depth)
}

func (l *alternateLister) follow(names []string, from string, depth int) error {
	if depth > alternatesDeep {
		return nil // git says so on its standard error, and goes on
	}
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join(physical(from), name)
		}
		name = filepath.Clean(name)
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			l.missing = append(l.missing, name)
			continue
		}
		if !l.add(name) {
			continue
		}
		if err := l.inFile(name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// splitAlternates splits a list of folders: comments are left out, and a name may stand in quotes, as git
// quotes names.
func splitAlternates(list, separator string) []string {
	var names []string
	for list != "" {
		if list[0] == '"' {
			if name, rest, err := gittext.Unquote(list); err == nil {
				names = append(names, name)
				list = strings.TrimPrefix(rest, separator)
				continue
			}
		}
		var name string
		name, list, _ = strings.Cut(list, separator)
		if name != "" && name[0] != '#' {
			names = append(names, name)
		}
	}
	return names
}
