package scenarios

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"buildbisect/images/catalogue"
	"buildbisect/images/fetch"
	"buildbisect/scenarios/document"
)

// A provider reads where a version of a tool is had from. To add one, write a file with a value like
// [moduleProvider], which reads a [catalogue.Source], and name it in providers. If package images does not
// know the source, the source makes its tool itself: see images.Maker.
type provider struct {
	key     string        // names it in a scenario
	mapping string        // kind of the mapping that stands there; "": it stands among the keys of the tool itself
	beside  []string      // keys that belong to it, beside its own
	keys    document.Keys // of that mapping
	// read reads the mapping, or the one that the key stands in. Known are the sources of which the catalogue
	// knows all but the version.
	read func(m *document.Mapping, s *Scenario, known []catalogue.Source) catalogue.Source
}

// providers are all there are, in the order in which messages name them.
var providers = []provider{fileProvider, releaseProvider, moduleProvider, debianProvider, imageProvider}

// providerWords are the keys that name a provider.
func providerWords() (words []string) {
	for _, p := range providers {
		words = append(words, p.key)
	}
	return words
}

// providerKeys are those and what stands beside them.
func providerKeys() (keys []string) {
	for _, p := range providers {
		keys = append(append(keys, p.key), p.beside...)
	}
	return keys
}

// readSources reads where a version is had from: one provider, or a list of them that are tried in order.
// Known are the sources of which the catalogue knows all but the version.
func readSources(m *document.Mapping, s *Scenario, known []catalogue.Source) []catalogue.Source {
	if !m.Has("any") {
		source, ok := readProvider(m, s, known, "; several that are tried in order stand below any")
		if !ok {
			return nil
		}
		return []catalogue.Source{source}
	}
	if named := m.Among(providerKeys()...); len(named) > 0 {
		m.At(named[0]).Mistake("any is named too; put this into its list")
	}
	elements, ok := m.At("any").List()
	if ok && len(elements) == 0 {
		m.At("any").Mistake("want at least one of %s", strings.Join(providerWords(), ", "))
	}
	var all []catalogue.Source
	for _, element := range elements {
		if source, ok := readProvider(element.Mapping("provider"), s, known, ""); ok {
			all = append(all, source)
		}
	}
	return all
}

// readProvider reads the one provider that m names.
func readProvider(m *document.Mapping, s *Scenario, known []catalogue.Source, hint string) (catalogue.Source, bool) {
	if m == nil {
		return nil, false
	}
	before := m.Noted()
	named := m.Among(providerWords()...)
	switch {
	case len(named) == 0:
		m.Mistake("want one of %s, which say where the tool is had from", strings.Join(providerWords(), ", "))
	case len(named) > 1:
		m.Mistake("has %s; want one of them%s", strings.Join(named, " and "), hint)
	}
	switch {
	case m.Has("file") && !m.Has("sha256"):
		m.Mistake("sha256 is missing; take it from: sha256sum FILE")
	case m.Has("sha256") && !m.Has("file") && len(named) > 0:
		m.At("sha256").Mistake("is that of a file, and none is named")
	}
	var source catalogue.Source
	for _, p := range providers {
		own := m
		if p.mapping != "" {
			own = m.At(p.key).Mapping(p.mapping)
		}
		if own == nil {
			continue
		}
		if read := p.read(own, s, known); read != nil {
			source = read
		}
	}
	return source, source != nil && m.Noted() == before
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func readSha256(p document.Place) string {
	sum, _ := p.Match(sha256Hex, "64 lower case hexadecimal digits, as sha256sum prints them")
	return sum
}

var fileProvider = provider{key: "file", beside: []string{"sha256"}, read: readToolFile}

func readToolFile(m *document.Mapping, s *Scenario, _ []catalogue.Source) catalogue.Source {
	sum := readSha256(m.At("sha256"))
	name, ok := m.At("file").Line()
	if !ok {
		return nil
	}
	f := &catalogue.File{Path: onDisk(m.At("file"), name, s), SHA256: sum}
	if f.Path != "" && s.reaches(m.At("file"), f.Path) {
		f.Unseen = true
	}
	if s.untrusted {
		f.Within = s.Top()
	}
	return f
}

// reaches notes a file outside of the scenario's folder.
func (s *Scenario) reaches(p document.Place, name string) bool {
	if s.Dir == "" || isWithin(s.Dir, name) {
		return false
	}
	s.outside = append(s.outside, Reading{p.Path, name})
	return true
}

var (
	filledIn   = regexp.MustCompile(`\{(version|arch|machine)\}`)
	releaseURL = regexp.MustCompile(`^https?://([^\s{}]|` + filledIn.String() + `)+$`)
)

var releaseProvider = provider{
	key: "release", mapping: "release",
	keys: document.Keys{Required: []string{"sha256"}, Optional: []string{"url", "member"}},
	read: readRelease,
}

// readRelease reads a download. Of a tool whose releases the catalogue knows, the checksum is enough.
func readRelease(m *document.Mapping, _ *Scenario, known []catalogue.Source) catalogue.Source {
	r := &catalogue.Release{}
	for _, s := range known {
		if shipped, ok := s.(*catalogue.Release); ok && !m.Has("url") {
			*r = *shipped
			break
		}
	}
	if !m.Has("url") && r.URL == "" {
		m.Mistake("url is missing")
	}
	r.SHA256 = readSha256(m.At("sha256"))
	if url, ok := m.At("url").Match(releaseURL, "an http or https URL, in which {version}, {arch} and {machine} are filled in and no other braces stand"); ok {
		r.URL = url
		public(m.At("url"), hostOf(url))
	}
	if member, ok := m.At("member").Relative(); ok {
		r.Member = member
	}
	return r
}

var debianProvider = provider{
	key: "debian", mapping: "package",
	keys: document.Keys{Required: []string{"suite", "package", "program"}, Optional: []string{"snapshot"}},
	read: func(m *document.Mapping, _ *Scenario, _ []catalogue.Source) catalogue.Source {
		t := &catalogue.Package{Archive: readArchive(m)}
		t.Name, _ = m.At("package").Match(debianPackage, "the name of a Debian package")
		t.Program, _ = m.At("program").Absolute()
		return t
	},
}

var imageProvider = provider{
	key: "image", mapping: "extract",
	keys: document.Keys{Required: []string{"ref", "path"}},
	read: func(m *document.Mapping, _ *Scenario, _ []catalogue.Source) catalogue.Source {
		x := &catalogue.Extract{}
		var ok bool
		if x.Image, ok = m.At("ref").Line(); ok {
			if _, err := name.NewDigest(x.Image); err != nil {
				m.At("ref").Mistake("want an image by its digest, as in debian@sha256:…, got %q", document.Short(x.Image))
			}
		}
		x.Path, _ = m.At("path").Absolute()
		return x
	},
}

// public notes a server that cannot be a public one, in a scenario that nobody has read. What cannot be seen
// here is seen when it is dialed: see [fetch.Public].
func public(p document.Place, host string) {
	if !p.Untrusted() {
		return
	}
	if err := fetch.CheckHost(host); err != nil {
		p.Mistake("%s", err)
	}
}

func hostOf(address string) string {
	u, err := url.Parse(filledIn.ReplaceAllString(address, "x"))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// hostPart is a registry's name without its port.
func hostPart(registry string) string { return hostOf("https://" + registry) }
