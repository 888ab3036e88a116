package scenarios

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"buildbisect/images/catalogue"
)

// readBase reads what a box or an engine runs from; m is the mapping that describes it, of the builder or of a
// level.
func readBase(m *mapping) catalogue.Base {
	var base catalogue.Base
	switch {
	case m == nil:
		return base
	case m.has("debian") && m.has("image"):
		m.at("image").mistake("debian is named too; a base is one of them")
	case !m.has("debian") && !m.has("image") && !m.has("dockerfile"):
		m.place.mistake("want debian or image")
	}
	if ref, ok := m.at("image").line(); ok {
		if parsed, err := name.ParseReference(ref); err != nil {
			m.at("image").mistake("%q is no image reference: %s", short(ref), short(err.Error()))
		} else if _, pinned := parsed.(name.Digest); !pinned { // of a digest nothing is asked where the cache has it
			public(m.at("image"), hostPart(parsed.Context().RegistryStr()))
		}
		base.Image = ref
	}
	base.Debian = readDebian(m.at("debian").mapping("debian"))
	return base
}

var (
	suite         = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	debianPackage = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*[a-z0-9+]$`) // apt removes what ends in a dash
)

func readDebian(m *mapping) *catalogue.Debian {
	if m == nil {
		return nil
	}
	debian := &catalogue.Debian{Archive: readArchive(m)}
	packages, _ := m.at("packages").list()
	for _, p := range packages {
		if word, ok := p.match(debianPackage, "the name of a Debian package"); ok {
			if slices.Contains(debian.Packages, word) {
				p.mistake("%s stands twice", word)
			}
			debian.Packages = append(debian.Packages, word)
		}
	}
	return debian
}

// readArchive reads a suite, as it is now or as it was.
func readArchive(m *mapping) catalogue.Archive {
	var a catalogue.Archive
	a.Suite, _ = m.at("suite").match(suite, "a Debian suite such as bookworm")
	a.Snapshot, _ = readSnapshot(m.at("snapshot"))
	return a
}

// readSnapshot reads a time as Debian's snapshots of its archive are named by.
func readSnapshot(p place) (string, bool) {
	s, ok := p.word()
	if !ok {
		return "", false
	}
	const layout = "20060102T150405Z"
	if t, err := time.Parse(layout, s); err != nil || t.Format(layout) != s {
		p.mistake("want a time such as 20210201T000000Z, got %q", short(s))
		return "", false
	}
	return s, true
}

// readNamedBase reads a level: a base, and a name for it. Left out, the name is what the base is.
func readNamedBase(p place) (Level, bool) {
	before := p.noted()
	m := p.mapping("named-base")
	base := readBase(m)
	name, _ := m.at("name").line()
	if !m.has("name") {
		name = baseName(base)
	}
	return Level{Text: name, Base: base}, p.noted() == before
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

// readBaseLevels reads the levels of a base axis: bases, or one Debian system at several times, each named by its
// time.
func readBaseLevels(m *mapping) []Level {
	switch {
	case !m.has("debian") && !m.has("snapshots"):
		if !m.has("levels") {
			m.place.mistake("levels is missing, or debian and snapshots in its place")
		}
		return unlike(m.at("levels"), readNamedBase)
	case m.has("levels"):
		m.at("levels").mistake("%s is named too; want either levels, or debian and snapshots", m.among("debian", "snapshots")[0])
	case !m.has("debian"):
		m.place.mistake("debian is missing; it says whose snapshots they are")
	case !m.has("snapshots"):
		m.place.mistake("snapshots is missing; want a list of times such as 20210201T000000Z, or levels instead of debian")
	}
	system := m.at("debian").mapping("debian")
	if system.has("snapshot") {
		system.at("snapshot").mistake("the axis varies it; leave it out here")
	}
	debian := readDebian(system)
	return unlike(m.at("snapshots"), func(p place) (Level, bool) {
		at, ok := readSnapshot(p)
		if !ok || debian == nil {
			return Level{Text: at}, ok
		}
		then := *debian
		then.Snapshot = at
		return Level{Text: at, Base: catalogue.Base{Debian: &then}}, true
	})
}
