package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Stocked is one thing that lies in a cache.
type Stocked struct {
	ID       string    `json:"id"`                 // its path within the cache, with slashes
	Kind     string    `json:"kind"`               // base, tool, history, download, index (of packages), unfinished or unknown
	What     string    `json:"what"`               // as scenarios name it; for what nobody can read, its ID
	Provider string    `json:"provider,omitempty"` // of a base or tool
	Size     int64     `json:"size"`               // bytes in its files
	Made     time.Time `json:"made"`
	Used     time.Time `json:"used"`  // last
	Locks    []string  `json:"locks"` // the lock files in use that need it, sorted

	digests []string // of its files, as sha256:…, where a record tells them
}

// Kinds of what lies in a cache, as far as this package has to know them.
const (
	kindUnfinished = "unfinished" // what a killed process left, or a living one is making
	kindUnknown    = "unknown"    // of another version of bisect, damaged, or a stranger's
)

// partSuffix ends the name of what is not whole.
const partSuffix = ".part"

// shelves are the folders of a cache, with the kind of what lies in each. Whatever else lies in the cache,
// and is not housekeeping, is of kind unknown.
var shelves = []struct{ folder, kind string }{
	{"bases", "base"}, // engines too
	{"tools", "tool"},
	{Unpacked, "tool"},
	{"histories", "history"},
	{"downloads", "download"},
	{"apt/debs", "download"},
	{"apt/lists", "index"},
}

// housekeeping is what the cache keeps for itself: a few bytes each. Leases are of the command's sessions.
// Local are the folders of trials that run on this machine itself: their owners remove them, or the next such
// session.
var housekeeping = []string{"locks", "tags", "leases", "local", rootsName, holdName}

// Stock lists what lies in a cache folder, latest used first. A folder that is not there holds nothing. Warn
// is told of locks in use that cannot be read, so that nothing is marked as needed by them.
func Stock(dir string, warn func(string)) ([]Stocked, error) {
	c := Dir{dir}
	roots, err := c.roots()
	if err != nil {
		warn(err.Error())
	}
	return c.stock(roots)
}

func (c Dir) stock(roots map[string]map[string]bool) ([]Stocked, error) {
	ids, err := c.ids()
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	all := []Stocked{} // not null in JSON
	for id, kind := range ids {
		s, err := c.look(id, kind)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since, or finished and renamed
		}
		if err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
		for path, digests := range roots {
			if s.Among(digests) {
				s.Locks = append(s.Locks, path)
			}
		}
		slices.Sort(s.Locks)
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Stocked) int {
		if n := b.Used.Compare(a.Used); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

func (s Stocked) Among(digests map[string]bool) bool {
	return slices.ContainsFunc(s.digests, func(d string) bool { return digests[d] })
}

// ids finds everything in the cache, by its path there, with the kind that its place gives it.
func (c Dir) ids() (map[string]string, error) {
	ids, known := map[string]string{}, slices.Clone(housekeeping)
	for _, shelf := range shelves {
		top, _, _ := strings.Cut(shelf.folder, "/")
		known = append(known, top)
		names, err := c.names(shelf.folder)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			switch {
			case strings.HasSuffix(name, ".lock"):
			case strings.HasSuffix(name, partSuffix), strings.HasPrefix(name, "."):
				ids[path.Join(shelf.folder, name)] = kindUnfinished
			default:
				ids[path.Join(shelf.folder, name)] = shelf.kind
			}
		}
	}
	names, err := c.names(".")
	for _, name := range names {
		if !slices.Contains(known, name) {
			ids[name] = kindUnknown
		}
	}
	return ids, err
}

// names lists a folder of the cache; one that is not there is empty.
func (c Dir) names(dir string) ([]string, error) {
	list, err := os.ReadDir(filepath.Join(c.Root, filepath.FromSlash(dir)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, d := range list {
		names = append(names, d.Name())
	}
	return names, nil
}

// look reads what can be known of one thing without reading its content.
func (c Dir) look(id, kind string) (Stocked, error) {
	s := Stocked{ID: id, Kind: kind, What: path.Base(id), Locks: []string{}}
	top := filepath.Join(c.Root, filepath.FromSlash(id))
	info, err := os.Lstat(top)
	if err != nil {
		return s, err
	}
	s.Made, s.Used = info.ModTime(), info.ModTime()
	err = filepath.WalkDir(top, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone while we look: the next time tells more
		}
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil {
			s.Size += info.Size()
		}
		return nil
	})
	if kind == "base" || kind == "tool" {
		s.read(top)
	}
	if s.Kind == kindUnknown {
		s.What = id
	}
	return s, err
}

// read adds what the record of an entry tells. Without one that says what it is, the entry is unknown.
func (s *Stocked) read(dir string) {
	file := filepath.Join(dir, recordName)
	raw, err := os.ReadFile(file)
	if err != nil {
		s.Kind = kindUnknown
		return
	}
	if info, err := os.Stat(file); err == nil {
		s.Used = info.ModTime()
	}
	var e Entry
	if json.Unmarshal(raw, &e) != nil {
		s.Kind = kindUnknown
		return
	}
	for _, f := range e.Files {
		s.digests = append(s.digests, "sha256:"+f.SHA256)
	}
	if key, ok := e.Notes["base"]; ok && s.Kind == "base" { // as Base.key has it
		s.Provider, s.What, _ = strings.Cut(key, " ")
		return
	}
	if s.Kind == "tool" && e.Notes["tool"] != "" && e.Notes["provider"] != "" {
		s.Provider, s.What = e.Notes["provider"], e.Notes["tool"]+" "+e.Notes["version"]
		return
	}
	s.Kind = kindUnknown
}
