package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildbisect/images/apt"
	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// LockName is the file beside a scenario that says what its builder images were made of.
const LockName = "bisect.lock"

// Lock says, of every base, tool and engine that scenarios ask for, exactly what served: enough to make it
// again, and to see whether it is the same.
type Lock struct {
	Version  int          `yaml:"version"`
	Platform string       `yaml:"platform"` // e.g. linux/amd64
	Bases    []LockedBase `yaml:"bases,omitempty"`
	Tools    []LockedTool `yaml:"tools,omitempty"`
}

// LockedBase is a base, or the root of an engine.
type LockedBase struct {
	Asked    string   `yaml:"asked"`              // what a scenario asks for
	Digest   string   `yaml:"digest,omitempty"`   // of an image
	Date     string   `yaml:"date,omitempty"`     // when a Debian suite was as it is locked
	Layers   []string `yaml:"layers"`             // digests, lowest first
	Packages []string `yaml:"packages,omitempty"` // of a Debian system: name and version, to say what drifted
}

// LockedTool is one version of a tool.
type LockedTool struct {
	Tool     string        `yaml:"tool"`
	Version  string        `yaml:"version"`
	Asked    string        `yaml:"asked"` // digest of what the catalogue or the scenario says of it
	Provider string        `yaml:"provider"`
	Source   string        `yaml:"source"`             // digest of what the provider was asked for
	From     string        `yaml:"from"`               // for people
	Go       string        `yaml:"go,omitempty"`       // what compiled it
	Date     string        `yaml:"date,omitempty"`     // when its packages were current
	Packages []apt.Package `yaml:"packages,omitempty"` // with what it needs
	Layer    string        `yaml:"layer"`              // digest
}

const lockVersion = 1

func platform() string { return "linux/" + runtime.GOARCH }

// DriftError says that something is not as the lock has it.
type DriftError struct{ What, Why string }

func (e *DriftError) Error() string {
	return fmt.Sprintf("%s: not as %s says: %s", e.What, LockName, e.Why)
}

// ReadLock reads a lock file. One that is not there is fs.ErrNotExist.
func ReadLock(path string) (*Lock, error) {
	raw, err := LockText(path)
	if err != nil {
		return nil, err
	}
	l, err := ParseLock(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// mostLock bounds a lock, in bytes: a tool of a thousand packages takes a fiftieth of it.
const mostLock = 16 << 20

// LockText reads a lock file as it is. It lies among a repository's files, so it must be a regular file of
// its folder, and no link that leads out: what another file holds would be shown as mistakes of the lock.
func LockText(path string) ([]byte, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := filepath.Base(path)
	info, err := dir.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w; put the file itself there", path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("lock %s: not a regular file; make it again with: bisect images lock", path)
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, mostLock+1))
	if err == nil && len(raw) > mostLock {
		err = fmt.Errorf("lock %s: it has more than %d MiB; make it again with: bisect images lock --fresh", path, mostLock>>20)
	}
	return raw, err
}

// LockBeside reads the lock in a scenario's folder; nil where there is none.
func LockBeside(dir string) (*Lock, error) {
	l, err := ReadLock(filepath.Join(dir, LockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return l, err
}

// ParseLock reads a lock, and refuses one for another kind of machine.
func ParseLock(raw []byte) (*Lock, error) {
	l := &Lock{}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(l); err != nil {
		return nil, fmt.Errorf("%w; it is written by: bisect images lock", err)
	}
	switch {
	case l.Version != lockVersion:
		return nil, fmt.Errorf("version %d, and this bisect reads %d; make it again with: bisect images lock --fresh", l.Version, lockVersion)
	case l.Platform != platform():
		return nil, fmt.Errorf("is for %s, and this machine builds for %s; run where it was made, or make one of your own in its place with: bisect images lock --fresh", l.Platform, platform())
	}
	return l, nil
}

// Write replaces the lock file at path, whole or not at all. The same lock gives the same bytes.
func (l *Lock) Write(path string) error {
	text, err := l.Text()
	if err != nil {
		return err
	}
	if err := cache.Replace(path, string(text)); err != nil {
		return fmt.Errorf("lock %s: %w; see that its folder can be written to and has room", path, err)
	}
	return nil
}

// Text is what is written of a lock.
func (l *Lock) Text() ([]byte, error) {
	l.sort()
	var out bytes.Buffer
	out.WriteString("# What builder images were made of, by digest. Written by `bisect images lock`; keep it beside the scenario.\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	err := errors.Join(enc.Encode(l), enc.Close())
	return out.Bytes(), err
}

func (l *Lock) sort() {
	slices.SortFunc(l.Bases, func(a, b LockedBase) int { return strings.Compare(a.Asked, b.Asked) })
	slices.SortFunc(l.Tools, func(a, b LockedTool) int {
		if n := strings.Compare(a.Tool, b.Tool); n != 0 {
			return n
		}
		return catalogue.CompareVersions(a.Version, b.Version)
	})
}

// Merge adds to l what other has of parts that l lacks.
func (l *Lock) Merge(other *Lock) {
	for _, b := range other.Bases {
		if l.base(b.Asked) == nil {
			l.Bases = append(l.Bases, b)
		}
	}
	for _, t := range other.Tools {
		if !slices.ContainsFunc(l.Tools, func(o LockedTool) bool { return o.Tool == t.Tool && o.Version == t.Version }) {
			l.Tools = append(l.Tools, t)
		}
	}
}

// base finds a base by what is asked for; nil where nothing is locked.
func (l *Lock) base(asked string) *LockedBase {
	if l == nil {
		return nil
	}
	for i := range l.Bases {
		if l.Bases[i].Asked == asked {
			return &l.Bases[i]
		}
	}
	return nil
}

// tool finds a tool, if it is still described as it was when it was locked.
func (l *Lock) tool(t catalogue.Toolchain) *LockedTool {
	if l == nil {
		return nil
	}
	for i, o := range l.Tools {
		if o.Tool == t.Tool && o.Version == t.Version && o.Asked == askedOf(t) {
			return &l.Tools[i]
		}
	}
	return nil
}

// askedOf is the digest of what is said of a tool.
func askedOf(t catalogue.Toolchain) string {
	sources := make([]describedSource, len(t.Sources))
	for i, s := range t.Sources {
		sources[i] = describedIn(s)
	}
	s, err := cache.Sum(struct {
		Shape   shape
		Sources []describedSource
	}{shapeOf(t), sources})
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return s[:32]
}

// describedSource is a source as a lock's digests have it: one field is set.
type describedSource struct {
	Module  *catalogue.Module
	Release *catalogue.Release
	Debian  *catalogue.Package
	Image   *catalogue.Extract
	File    *catalogue.File
	Kind    string `json:",omitempty"` // of any other, with its recipe
	Other   any    `json:",omitempty"`
}

func describedIn(s catalogue.Source) describedSource {
	switch s := s.(type) {
	case *catalogue.Module:
		return describedSource{Module: s}
	case *catalogue.Release:
		return describedSource{Release: s}
	case *catalogue.Package:
		return describedSource{Debian: s}
	case *catalogue.Extract:
		return describedSource{Image: s}
	case *catalogue.File: // wherever it lies
		return describedSource{File: &catalogue.File{SHA256: s.SHA256}}
	}
	return describedSource{Kind: s.Kind(), Other: s.Recipe(catalogue.Making{})}
}

// Names reports whether the lock names something that lies in a cache.
func (l *Lock) Names(s cache.Stocked) bool {
	digests := map[string]bool{}
	for _, b := range l.Bases {
		for _, d := range b.Layers {
			digests[d] = true
		}
	}
	for _, t := range l.Tools {
		digests[t.Layer] = true
	}
	return s.Among(digests)
}
