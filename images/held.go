package images

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// hold notes what served as t, and compares it with the lock.
func (b *Builder) hold(t catalogue.Toolchain, p *toolLayer) error {
	made := LockedTool{
		Tool: t.Tool, Version: t.Version, Asked: askedOf(t), Provider: p.source.Kind(), Source: p.id, From: p.source.String(),
		Go: p.made.Go, Date: p.made.Date, Packages: p.made.Packages, Layer: p.layer.hash.String(),
	}
	if f, ok := p.source.(*catalogue.File); ok {
		made.From = "file " + filepath.Base(f.Path)
	}
	b.asking.Lock()
	known := slices.ContainsFunc(b.used.Tools, func(o LockedTool) bool { return o.Tool == t.Tool && o.Version == t.Version })
	if !known {
		b.used.Tools = append(b.used.Tools, made)
	}
	b.asking.Unlock()
	what := t.Tool + " " + t.Version
	if begun := b.begun.tool(t); begun != nil && begun.Layer != made.Layer {
		return changedInRun(what, made.From+" gives layer "+made.Layer+made.other(begun))
	}
	against := b.against()
	if against == nil || known && !b.Locked {
		return nil
	}
	switch locked := against.tool(t); {
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
func (l *LockedBase) of(e *cache.Entry) bool {
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
	if begun := b.begun.base(made.Asked); begun != nil && !begun.is(fs) {
		return changedInRun("base "+r.String(), "it is another now"+changed(begun.Packages, made.Packages))
	}
	against := b.against()
	if against == nil || known && !b.Locked {
		return nil
	}
	switch locked := against.base(made.Asked); {
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

// against is the lock that what is made is compared with: the scenario's, also in a run that goes on.
func (b *Builder) against() *Lock {
	if b.begun != nil {
		return b.own
	}
	return b.Lock
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

// Resume goes on with what has served before, in a run that was ended: what cannot be had again as it was is
// an error, since builds with one thing and builds with another prove nothing together. It is called before
// anything is made.
func (b *Builder) Resume(served *Lock) {
	if served == nil {
		return
	}
	b.begun, b.own = served, b.Lock
	b.used.Merge(served)
	lock := &Lock{Version: lockVersion, Platform: platform()}
	lock.Merge(served)
	if b.Lock != nil {
		lock.Merge(b.Lock)
	}
	b.Lock = lock
}

func changedInRun(what, why string) error {
	return fmt.Errorf("%s: this run began with another, and it cannot be had again: %s; begin anew with bisect run", what, why)
}
