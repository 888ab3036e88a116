package images

import (
	"slices"
	"strings"

	"buildbisect/images/catalogue"
)

// LockChange is one part in which two locks differ.
type LockChange struct {
	Part string `json:"part"`           // as a scenario asks for it
	From string `json:"from,omitempty"` // what it was; "": it is new
	To   string `json:"to,omitempty"`   // what it is; "": it is no more
}

// Update takes what was made into l, and leaves the rest of it alone. Where the bits are the same, the words
// stay too: a lock made again is the same file.
func (l *Lock) Update(made *Lock) {
	l.Version, l.Platform = made.Version, made.Platform
	for _, m := range made.Bases {
		switch had := l.base(m.Asked); {
		case had == nil:
			l.Bases = append(l.Bases, m)
		case had.Digest != m.Digest || !slices.Equal(had.Layers, m.Layers):
			*had = m
		}
	}
	for _, m := range made.Tools {
		i := slices.IndexFunc(l.Tools, m.same)
		switch {
		case i < 0:
			l.Tools = append(l.Tools, m)
		case l.Tools[i].Asked != m.Asked || l.Tools[i].Layer != m.Layer:
			l.Tools[i] = m
		}
	}
	l.sort()
}

// same reports whether o is the same version of the same tool, however it is described.
func (t LockedTool) same(o LockedTool) bool { return t.Tool == o.Tool && t.Version == o.Version }

// Changes says in what l is other than old: sorted by part.
func (l *Lock) Changes(old *Lock) []LockChange {
	changes := []LockChange{} // not null in JSON
	for _, b := range l.Bases {
		had := old.base(b.Asked)
		switch {
		case had == nil:
			changes = append(changes, LockChange{Part: "base " + b.Asked, To: b.words()})
		case had.Digest != b.Digest || !slices.Equal(had.Layers, b.Layers):
			changes = append(changes, LockChange{"base " + b.Asked, had.words(), b.words() + changed(had.Packages, b.Packages)})
		}
	}
	for _, b := range old.Bases {
		if l.base(b.Asked) == nil {
			changes = append(changes, LockChange{Part: "base " + b.Asked, From: b.words()})
		}
	}
	for _, t := range l.Tools {
		part := t.Tool + " " + t.Version
		i := slices.IndexFunc(old.Tools, t.same)
		switch {
		case i < 0:
			changes = append(changes, LockChange{Part: part, To: t.words()})
		case old.Tools[i].Layer != t.Layer:
			changes = append(changes, LockChange{part, old.Tools[i].words(), t.words() + t.other(&old.Tools[i])})
		case old.Tools[i].Asked != t.Asked:
			changes = append(changes, LockChange{part, old.Tools[i].words(), t.words() + "; described in other words, made of the same bits"})
		}
	}
	for _, t := range old.Tools {
		if !slices.ContainsFunc(l.Tools, t.same) {
			changes = append(changes, LockChange{Part: t.Tool + " " + t.Version, From: t.words()})
		}
	}
	slices.SortFunc(changes, func(a, b LockChange) int { return strings.Compare(a.Part, b.Part) })
	return changes
}

// Lacks names the parts of specs that l does not pin as they are described now, sorted. Nothing is made.
func (l *Lock) Lacks(c *catalogue.Catalogue, specs []catalogue.Spec) ([]string, error) {
	var parts []string
	add := func(part string) {
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	for _, s := range specs {
		if l.base(s.Base.Asked()) == nil {
			add("base " + s.Base.Asked())
		}
		for _, p := range s.Picks {
			if p.Absent {
				continue
			}
			t, err := c.Lookup(p.Tool, p.Version)
			if err != nil {
				return nil, err
			}
			if l.tool(t) == nil {
				add(p.Tool + " " + p.Version)
			}
		}
	}
	slices.Sort(parts)
	return parts, nil
}

// words say what was locked, short enough for a line.
func (b *LockedBase) words() string {
	if b.Digest != "" {
		return shortDigest(b.Digest)
	}
	var layers []string
	for _, l := range b.Layers {
		layers = append(layers, shortDigest(l))
	}
	text := strings.Join(layers, " ")
	if b.Date != "" {
		text += " as of " + b.Date
	}
	return text
}

func (t *LockedTool) words() string {
	text := shortDigest(t.Layer) + " by " + t.From
	if t.Go != "" {
		text += " with " + t.Go
	}
	return text
}

// shortDigest is enough of a digest to tell it from others by eye.
func shortDigest(d string) string { return d[:min(len(d), len("sha256:")+12)] }
