package scenarios

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"buildbisect/images/catalogue"
)

// base reads what a box or an engine runs from; m is the mapping that describes it, of the builder or of a
// level.
func (d *decoder) base(m *mapping) catalogue.Base {
	var base catalogue.Base
	switch {
	case m == nil:
		return base
	case m.has("debian") && m.has("image"):
		d.mistake(m.at("image"), "debian is named too; a base is one of them")
	case !m.has("debian") && !m.has("image") && !m.has("dockerfile"):
		d.mistake(m.place, "want debian or image")
	}
	if ref, ok := d.line(m.at("image")); ok {
		if parsed, err := name.ParseReference(ref); err != nil {
			d.mistake(m.at("image"), "%q is no image reference: %s", short(ref), short(err.Error()))
		} else if _, pinned := parsed.(name.Digest); !pinned { // of a digest nothing is asked where the cache has it
			d.public(m.at("image"), hostPart(parsed.Context().RegistryStr()))
		}
		base.Image = ref
	}
	base.Debian = d.debian(d.mapping(m.at("debian"), "debian"))
	return base
}

var (
	suite         = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	debianPackage = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*[a-z0-9+]$`) // apt removes what ends in a dash
)

func (d *decoder) debian(m *mapping) *catalogue.Debian {
	if m == nil {
		return nil
	}
	debian := &catalogue.Debian{Archive: d.archive(m)}
	packages, _ := d.list(m.at("packages"))
	for _, p := range packages {
		if word, ok := d.match(p, debianPackage, "the name of a Debian package"); ok {
			if slices.Contains(debian.Packages, word) {
				d.mistake(p, "%s stands twice", word)
			}
			debian.Packages = append(debian.Packages, word)
		}
	}
	return debian
}

// archive reads a suite, as it is now or as it was.
func (d *decoder) archive(m *mapping) catalogue.Archive {
	var a catalogue.Archive
	a.Suite, _ = d.match(m.at("suite"), suite, "a Debian suite such as bookworm")
	a.Snapshot, _ = d.snapshot(m.at("snapshot"))
	return a
}

// snapshot reads a time as Debian's snapshots of its archive are named by.
func (d *decoder) snapshot(p place) (string, bool) {
	s, ok := d.word(p)
	if !ok {
		return "", false
	}
	const layout = "20060102T150405Z"
	if t, err := time.Parse(layout, s); err != nil || t.Format(layout) != s {
		d.mistake(p, "want a time such as 20210201T000000Z, got %q", short(s))
		return "", false
	}
	return s, true
}

// namedBase reads a level: a base, and a name for it. Left out, the name is what the base is.
func (d *decoder) namedBase(p place) (Level, bool) {
	before := len(d.mistakes)
	m := d.mapping(p, "named-base")
	base := d.base(m)
	name, _ := d.line(m.at("name"))
	if !m.has("name") {
		name = baseName(base)
	}
	return Level{Text: name, Base: base}, len(d.mistakes) == before
}

func baseName(base catalogue.Base) string {
	switch {
	case base.Debian == nil:
		return base.Image
	case base.Debian.Snapshot != "":
		return base.Debian.Suite + "@" + base.Debian.Snapshot
	}
	return base.Debian.Suite
}

// baseLevels reads the levels of a base axis: bases, or one Debian system at several times, each named by its
// time.
func (d *decoder) baseLevels(m *mapping) []Level {
	switch {
	case !m.has("debian") && !m.has("snapshots"):
		if !m.has("levels") {
			d.mistake(m.place, "levels is missing, or debian and snapshots in its place")
		}
		return d.unlike(m.at("levels"), d.namedBase)
	case m.has("levels"):
		d.mistake(m.at("levels"), "%s is named too; want either levels, or debian and snapshots", m.among("debian", "snapshots")[0])
	case !m.has("debian"):
		d.mistake(m.place, "debian is missing; it says whose snapshots they are")
	case !m.has("snapshots"):
		d.mistake(m.place, "snapshots is missing; want a list of times such as 20210201T000000Z, or levels instead of debian")
	}
	system := d.mapping(m.at("debian"), "debian")
	if system.has("snapshot") {
		d.mistake(system.at("snapshot"), "the axis varies it; leave it out here")
	}
	debian := d.debian(system)
	return d.unlike(m.at("snapshots"), func(p place) (Level, bool) {
		at, ok := d.snapshot(p)
		if !ok || debian == nil {
			return Level{Text: at}, ok
		}
		then := *debian
		then.Snapshot = at
		return Level{Text: at, Base: catalogue.Base{Debian: &then}}, true
	})
}
