package images

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

// ledger keeps what served, and compares it with a lock.
type ledger struct {
	*workshop
	lock   *Lock // what is to serve
	locked bool  // what is not as lock says is an error, not a warning
	silent bool  // nobody is warned

	mu      sync.Mutex // guards the rest
	begun   *Lock      // what served in this run before; nil: it is new
	own     *Lock      // what lock was before that came to it
	used    Lock       // what was made or found
	drifted []string   // in what it is not as lock says
}

// hold notes what served as t, and compares it with the lock.
func (l *ledger) hold(t catalogue.Toolchain, p *toolLayer) error {
	made := LockedTool{
		Tool: t.Tool, Version: t.Version, Asked: askedOf(t), Provider: p.source.Kind(), Source: p.id, From: p.source.String(),
		Go: p.made.Go, Date: p.made.Date, Packages: p.made.Packages, Layer: p.layer.hash.String(),
	}
	if f, ok := p.source.(*catalogue.File); ok {
		made.From = "file " + filepath.Base(f.Path)
	}
	l.mu.Lock()
	known := slices.ContainsFunc(l.used.Tools, func(o LockedTool) bool { return o.Tool == t.Tool && o.Version == t.Version })
	if !known {
		l.used.Tools = append(l.used.Tools, made)
	}
	l.mu.Unlock()
	what := t.Tool + " " + t.Version
	if begun := l.begun.tool(t); begun != nil && begun.Layer != made.Layer {
		return changedInRun(what, made.From+" gives layer "+made.Layer+made.other(begun))
	}
	against := l.against()
	if against == nil || known && !l.locked {
		return nil
	}
	switch locked := against.tool(t); {
	case locked == nil:
		return l.drift(what, "the lock lacks it, or has it from another description")
	case locked.Layer != made.Layer:
		return l.drift(what, fmt.Sprintf("%s gives layer %s, and the lock has %s from %s%s", made.From, made.Layer, locked.Layer, locked.From, made.other(locked)))
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
func (l *ledger) holdBase(r resolvedBase, fs *rootfs) error {
	made := LockedBase{Asked: r.Asked(), Layers: fs.digests(), Date: fs.config.Date, Packages: fs.config.Packages}
	if r.Debian == nil {
		made.Digest = r.digest.DigestStr()
	}
	l.mu.Lock()
	known := slices.ContainsFunc(l.used.Bases, func(o LockedBase) bool { return o.Asked == made.Asked })
	if !known {
		l.used.Bases = append(l.used.Bases, made)
	}
	l.mu.Unlock()
	if begun := l.begun.base(made.Asked); begun != nil && !begun.is(fs) {
		return changedInRun("base "+r.String(), "it is another now"+changed(begun.Packages, made.Packages))
	}
	against := l.against()
	if against == nil || known && !l.locked {
		return nil
	}
	switch locked := against.base(made.Asked); {
	case locked == nil:
		return l.drift("base "+r.String(), "the lock lacks it")
	case !locked.is(fs):
		return l.drift("base "+r.String(), "its content is another"+changed(locked.Packages, made.Packages))
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
func (l *ledger) against() *Lock {
	if l.begun != nil {
		return l.own
	}
	return l.lock
}

// drift refuses what is not as the lock has it, or warns of it.
func (l *ledger) drift(what, why string) error {
	err := &DriftError{what, why}
	if l.locked {
		return fmt.Errorf("%w; make the lock again with bisect images lock, or run without --locked", err)
	}
	l.mu.Lock()
	l.drifted = append(l.drifted, err.Error())
	l.mu.Unlock()
	if !l.silent {
		l.progress("warning: " + err.Error())
	}
	return nil
}

// Drift lists in what this Builder's images were not as its lock has them.
func (b *Builder) Drift() []string {
	l := b.parts().held
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.drifted)
}

// Used is a lock of all that this Builder has made or found.
func (b *Builder) Used() *Lock {
	l := b.parts().held
	l.mu.Lock()
	defer l.mu.Unlock()
	used := &Lock{Version: lockVersion, Platform: platform(), Bases: slices.Clone(l.used.Bases), Tools: slices.Clone(l.used.Tools)}
	used.sort()
	return used
}

// Resume goes on with what has served before, in a run that was ended: what cannot be had again as it was is
// an error, since builds with one thing and builds with another prove nothing together. It is called before
// anything is made.
func (b *Builder) Resume(served *Lock) {
	if served == nil {
		return
	}
	l := b.parts().held
	l.begun, l.own = served, l.lock
	l.used.Merge(served)
	lock := &Lock{Version: lockVersion, Platform: platform()}
	lock.Merge(served)
	if l.lock != nil {
		lock.Merge(l.lock)
	}
	l.lock = lock
}

func changedInRun(what, why string) error {
	return fmt.Errorf("%s: this run began with another, and it cannot be had again: %s; begin anew with bisect run", what, why)
}
