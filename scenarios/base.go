package scenarios

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// readBase reads what a box or an engine runs from; m is the mapping that describes it, of the builder or of
// a level.
func readBase(m *document.Mapping) catalogue.Base {
	var base catalogue.Base
	switch {
	case m == nil:
		return base
	case m.Has("debian") && m.Has("image"):
		m.At("image").Mistake("debian is named too; a base is one of them")
	case !m.Has("debian") && !m.Has("image") && !m.Has("dockerfile"):
		m.Place.Mistake("want debian or image")
	}
	if ref, ok := m.At("image").Line(); ok {
		if parsed, err := name.ParseReference(ref); err != nil {
			m.At("image").Mistake("%q is no image reference: %s", document.Short(ref), document.Short(err.Error()))
		} else if _, pinned := parsed.(name.Digest); !pinned { // of a digest nothing is asked where the cache has it
			public(m.At("image"), hostPart(parsed.Context().RegistryStr()))
		}
		base.Image = ref
	}
	base.Debian = readDebian(m.At("debian").Mapping("debian"))
	return base
}

var (
	suite         = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	debianPackage = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*[a-z0-9+]$`) // apt removes what ends in a dash
)

func readDebian(m *document.Mapping) *catalogue.Debian {
	if m == nil {
		return nil
	}
	debian := &catalogue.Debian{Archive: readArchive(m)}
	packages, _ := m.At("packages").List()
	for _, p := range packages {
		if word, ok := p.Match(debianPackage, "the name of a Debian package"); ok {
			if slices.Contains(debian.Packages, word) {
				p.Mistake("%s stands twice", word)
			}
			debian.Packages = append(debian.Packages, word)
		}
	}
	return debian
}

// readArchive reads a suite, as it is now or as it was.
func readArchive(m *document.Mapping) catalogue.Archive {
	var a catalogue.Archive
	a.Suite, _ = m.At("suite").Match(suite, "a Debian suite such as bookworm")
	a.Snapshot, _ = readSnapshot(m.At("snapshot"))
	return a
}

// readSnapshot reads a time as Debian's snapshots of its archive are named by.
func readSnapshot(p document.Place) (string, bool) {
	s, ok := p.Word()
	if !ok {
		return "", false
	}
	const layout = "20060102T150405Z"
	if t, err := time.Parse(layout, s); err != nil || t.Format(layout) != s {
		p.Mistake("want a time such as 20210201T000000Z, got %q", document.Short(s))
		return "", false
	}
	return s, true
}

// readNamedBase reads a level: a base, and a name for it. Left out, the name is what the base is.
func readNamedBase(p document.Place) (Level, bool) {
	before := p.Noted()
	m := p.Mapping("named-base")
	base := readBase(m)
	name, _ := m.At("name").Line()
	if !m.Has("name") {
		name = baseName(base)
	}
	return Level{Text: name, Base: base}, p.Noted() == before
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

// readBaseLevels reads the levels of a base axis: bases, or one Debian system at several times, each named by
// its time.
func readBaseLevels(m *document.Mapping) []Level {
	switch {
	case !m.Has("debian") && !m.Has("snapshots"):
		if !m.Has("levels") {
			m.Place.Mistake("levels is missing, or debian and snapshots in its place")
		}
		return unlike(m.At("levels"), readNamedBase)
	case m.Has("levels"):
		m.At("levels").Mistake("%s is named too; want either levels, or debian and snapshots", m.Among("debian", "snapshots")[0])
	case !m.Has("debian"):
		m.Place.Mistake("debian is missing; it says whose snapshots they are")
	case !m.Has("snapshots"):
		m.Place.Mistake("snapshots is missing; want a list of times such as 20210201T000000Z, or levels instead of debian")
	}
	system := m.At("debian").Mapping("debian")
	if system.Has("snapshot") {
		system.At("snapshot").Mistake("the axis varies it; leave it out here")
	}
	debian := readDebian(system)
	return unlike(m.At("snapshots"), func(p document.Place) (Level, bool) {
		at, ok := readSnapshot(p)
		if !ok || debian == nil {
			return Level{Text: at}, ok
		}
		then := *debian
		then.Snapshot = at
		return Level{Text: at, Base: catalogue.Base{Debian: &then}}, true
	})
}
