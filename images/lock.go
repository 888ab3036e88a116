package images

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildbisect/images/apt"
)

// LockName is the file beside a scenario that says what its builder images were made of.
const LockName = "bisect.lock"

// Lock says, of every base, tool and engine that scenarios ask for, exactly what served: enough to make it again, and to see
// whether it is the same.
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
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l, err := ParseLock(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
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
func (l *Lock) Write(path string) (err error) {
	l.sort()
	var out bytes.Buffer
	out.WriteString("# What builder images were made of, by digest. Written by `bisect images lock`; keep it beside the scenario.\n")
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(l), enc.Close()); err != nil {
		return err
	}
	if err := replaceFile(path, out.String()); err != nil {
		return fmt.Errorf("lock %s: %w; see that its folder can be written to and has room", path, err)
	}
	return nil
}

func (l *Lock) sort() {
	slices.SortFunc(l.Bases, func(a, b LockedBase) int { return strings.Compare(a.Asked, b.Asked) })
	slices.SortFunc(l.Tools, func(a, b LockedTool) int {
		if n := strings.Compare(a.Tool, b.Tool); n != 0 {
			return n
		}
		return compareVersions(a.Version, b.Version)
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
func (l *Lock) tool(t Toolchain) *LockedTool {
	if l == nil {
		return nil
	}
	for i, o := range l.Tools {
		if o.Tool == t.Tool && o.Version == t.Version && o.Asked == t.asked() {
			return &l.Tools[i]
		}
	}
	return nil
}

// asked is the digest of what is said of a tool.
func (t Toolchain) asked() string {
	sources := slices.Clone(t.Sources)
	for i, s := range sources {
		if s.File != nil { // wherever it lies
			sources[i].File = &File{SHA256: s.File.SHA256}
		}
	}
	s, err := sum(struct {
		Shape   shape
		Sources []Source
	}{t.shape(), sources})
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return s[:32]
}

// hold notes what served as t, and compares it with the lock.
func (b *Builder) hold(t Toolchain, p *payload) error {
	made := LockedTool{
		Tool: t.Tool, Version: t.Version, Asked: t.asked(), Provider: p.source.Kind(), Source: p.id, From: p.source.String(),
		Go: p.made.Go, Date: p.made.Date, Packages: p.made.Packages, Layer: p.layer.hash.String(),
	}
	if p.source.File != nil {
		made.From = "file " + filepath.Base(p.source.File.Path)
	}
	b.asking.Lock()
	known := slices.ContainsFunc(b.used.Tools, func(o LockedTool) bool { return o.Tool == t.Tool && o.Version == t.Version })
	if !known {
		b.used.Tools = append(b.used.Tools, made)
	}
	b.asking.Unlock()
	if b.Lock == nil || known && !b.Locked {
		return nil
	}
	what := t.Tool + " " + t.Version
	switch locked := b.Lock.tool(t); {
	case locked == nil:
		return b.drift(what, "the lock lacks it, or has it from another description")
	case locked.Layer != made.Layer:
		return b.drift(what, fmt.Sprintf("%s gives layer %s, and the lock has %s from %s%s", made.From, made.Layer, locked.Layer, locked.From, made.other(locked)))
	}
	return nil
}

// is reports whether fs is what was locked.
func (l *LockedBase) is(fs *rootfs) bool { return slices.Equal(l.Layers, fs.digests()) }

// of reports whether a cache entry holds what was locked.
func (l *LockedBase) of(e *entry) bool {
	var layers []string
	for _, f := range e.Files {
		if strings.HasPrefix(f.Name, "layer-") {
			layers = append(layers, "sha256:"+f.SHA256)
		}
	}
	return slices.Equal(l.Layers, layers)
}

func (fs *rootfs) digests() []string {
	var all []string
	for _, l := range fs.layers {
		all = append(all, l.hash.String())
	}
	return all
}

// holdBase notes what served as a base, and compares it with the lock.
func (b *Builder) holdBase(r resolvedBase, fs *rootfs) error {
	made := LockedBase{Asked: r.Asked(), Layers: fs.digests(), Date: fs.config.Date, Packages: fs.config.Packages}
	if r.Debian == nil {
		made.Digest = r.digest.DigestStr()
	}
	b.asking.Lock()
	known := slices.ContainsFunc(b.used.Bases, func(o LockedBase) bool { return o.Asked == made.Asked })
	if !known {
		b.used.Bases = append(b.used.Bases, made)
	}
	b.asking.Unlock()
	if b.Lock == nil || known && !b.Locked {
		return nil
	}
	switch locked := b.Lock.base(made.Asked); {
	case locked == nil:
		return b.drift("base "+r.String(), "the lock lacks it")
	case !locked.is(fs):
		return b.drift("base "+r.String(), "its content is another"+changed(locked.Packages, made.Packages))
	}
	return nil
}

// other says in what two makings of one tool differ.
func (t *LockedTool) other(locked *LockedTool) string {
	if t.Go != locked.Go {
		return fmt.Sprintf("; compiled with %s, not %s", t.Go, locked.Go)
	}
	var have, had []string
	for _, p := range t.Packages {
		have = append(have, p.Name+" "+p.Version)
	}
	for _, p := range locked.Packages {
		had = append(had, p.Name+" "+p.Version)
	}
	return changed(had, have)
}

// changed lists what is in one list of packages and not in the other, a few at most.
func changed(had, have []string) string {
	const most = 6
	var out []string
	for _, p := range have {
		if !slices.Contains(had, p) {
			out = append(out, p)
		}
	}
	for _, p := range had {
		if !slices.Contains(have, p) {
			out = append(out, "not "+p)
		}
	}
	switch {
	case len(out) == 0:
		return ""
	case len(out) > most:
		out = append(out[:most], fmt.Sprintf("and %d more", len(out)-most))
	}
	return "; now " + strings.Join(out, ", ")
}

// drift refuses what is not as the lock has it, or warns of it.
func (b *Builder) drift(what, why string) error {
	err := &DriftError{what, why}
	if b.Locked {
		return fmt.Errorf("%w; make the lock again with bisect images lock, or run without --locked", err)
	}
	b.asking.Lock()
	b.drifted = append(b.drifted, err.Error())
	b.asking.Unlock()
	b.progress("warning: " + err.Error())
	return nil
}

// Drift lists in what this Builder's images were not as its lock has them.
func (b *Builder) Drift() []string {
	b.asking.Lock()
	defer b.asking.Unlock()
	return slices.Clone(b.drifted)
}

// Used is a lock of all that this Builder has made or found.
func (b *Builder) Used() *Lock {
	b.asking.Lock()
	defer b.asking.Unlock()
	l := &Lock{Version: lockVersion, Platform: platform(), Bases: slices.Clone(b.used.Bases), Tools: slices.Clone(b.used.Tools)}
	l.sort()
	return l
}

// LockBeside reads the lock in a scenario's folder; nil where there is none.
func LockBeside(dir string) (*Lock, error) {
	l, err := ReadLock(filepath.Join(dir, LockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return l, err
}
