package scenarios

import (
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/mod/module"
	"golang.org/x/tools/txtar"

	"buildbisect/images/catalogue"
	"buildbisect/images/fetch"
)

// providers are the ways to have a version of a tool. sha256 is not one of them: it belongs to a file.
var providers = []string{"file", "release", "module", "debian", "image"}

// sources reads where a version is had from: one provider, or a list of them that are tried in order. Known
// are the sources of which the catalogue knows all but the version.
func (d *decoder) sources(m *mapping, s *Scenario, known []catalogue.Source) []catalogue.Source {
	if !m.has("any") {
		source, ok := d.provider(m, s, known, "; several that are tried in order stand below any")
		if !ok {
			return nil
		}
		return []catalogue.Source{source}
	}
	if named := m.among(providerKeys()...); len(named) > 0 {
		d.mistake(m.at(named[0]), "any is named too; put this into its list")
	}
	elements, ok := d.list(m.at("any"))
	if ok && len(elements) == 0 {
		d.mistake(m.at("any"), "want at least one of %s", strings.Join(providers, ", "))
	}
	var all []catalogue.Source
	for _, element := range elements {
		if source, ok := d.provider(d.mapping(element, "provider"), s, known, ""); ok {
			all = append(all, source)
		}
	}
	return all
}

// provider reads the one provider that m names.
func (d *decoder) provider(m *mapping, s *Scenario, known []catalogue.Source, hint string) (catalogue.Source, bool) {
	before := len(d.mistakes)
	named := m.among(providers...)
	switch {
	case m == nil:
		return catalogue.Source{}, false
	case len(named) == 0:
		d.mistake(m.place, "want one of %s, which say where the tool is had from", strings.Join(providers, ", "))
	case len(named) > 1:
		d.mistake(m.place, "has %s; want one of them%s", strings.Join(named, " and "), hint)
	}
	switch {
	case m.has("file") && !m.has("sha256"):
		d.mistake(m.place, "sha256 is missing; take it from: sha256sum FILE")
	case m.has("sha256") && !m.has("file") && len(named) > 0:
		d.mistake(m.at("sha256"), "is that of a file, and none is named")
	}
	source := catalogue.Source{
		File:    d.toolFile(m, s),
		Release: d.release(d.mapping(m.at("release"), "release"), known),
		Module:  d.module(d.mapping(m.at("module"), "module"), s),
		Debian:  d.debianTool(d.mapping(m.at("debian"), "package")),
		Image:   d.extract(d.mapping(m.at("image"), "extract")),
	}
	return source, len(d.mistakes) == before
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (d *decoder) sha256(p place) string {
	sum, _ := d.match(p, sha256Hex, "64 lower case hexadecimal digits, as sha256sum prints them")
	return sum
}

func (d *decoder) toolFile(m *mapping, s *Scenario) *catalogue.File {
	sum := d.sha256(m.at("sha256"))
	name, ok := d.line(m.at("file"))
	if !ok {
		return nil
	}
	f := &catalogue.File{Path: d.onDisk(m.at("file"), name, s), SHA256: sum}
	if f.Path != "" && s.reaches(m.at("file"), f.Path) {
		f.Unseen = true
	}
	if s.untrusted {
		f.Within = s.Top()
	}
	return f
}

// reaches notes a file outside of the scenario's folder.
func (s *Scenario) reaches(p place, name string) bool {
	if s.Dir == "" || isWithin(s.Dir, name) {
		return false
	}
	s.outside = append(s.outside, Reading{p.path, name})
	return true
}

var (
	filledIn   = regexp.MustCompile(`\{(version|arch|machine)\}`)
	releaseURL = regexp.MustCompile(`^https?://([^\s{}]|` + filledIn.String() + `)+$`)
)

// release reads a download. Of a tool whose releases the catalogue knows, the checksum is enough.
func (d *decoder) release(m *mapping, known []catalogue.Source) *catalogue.Release {
	if m == nil {
		return nil
	}
	r := &catalogue.Release{}
	i := slices.IndexFunc(known, func(s catalogue.Source) bool { return s.Release != nil })
	switch {
	case !m.has("url") && i >= 0:
		*r = *known[i].Release
	case !m.has("url"):
		d.mistake(m.place, "url is missing")
	}
	r.SHA256 = d.sha256(m.at("sha256"))
	if url, ok := d.match(m.at("url"), releaseURL, "an http or https URL, in which {version}, {arch} and {machine} are filled in and no other braces stand"); ok {
		r.URL = url
		d.public(m.at("url"), hostOf(url))
	}
	if member, ok := d.relative(m.at("member")); ok {
		r.Member = member
	}
	return r
}

// module reads a Go module: one that is built, as a wrapper module pins it, or one that holds the tool ready
// made.
func (d *decoder) module(m *mapping, s *Scenario) *catalogue.Module {
	if m == nil {
		return nil
	}
	built, ready := []string{"package", "pin", "ldflags", "gcflags"}, []string{"path", "version", "sum"}
	required := []string{"package", "pin"}
	switch {
	case m.has("package") && m.has("path"):
		d.mistake(m.at("path"), "package is named too; a module is either built, or taken as it is by its path")
		return nil
	case m.has("path"):
		required = ready
		d.without(m, built, "belongs to a module that is built; path names one that is taken as it is")
	case m.has("package"):
		d.without(m, ready, "belongs to a module that is taken as it is; the pin says which version is built")
	default:
		d.mistake(m.place, "want package and pin for a module that is built, or path, version and sum for one taken as it is")
		return nil
	}
	for _, key := range required {
		if !m.has(key) {
			d.mistake(m.place, "%s is missing", key)
		}
	}
	if m.has("package") {
		s.compiled = append(s.compiled, m.path)
		s.remember(m.place)
	}
	mod := &catalogue.Module{Pin: d.pin(m.at("pin"), s)}
	mod.LDFlags = d.goFlags(m.at("ldflags"), catalogue.CheckLDFlags)
	mod.GCFlags = d.goFlags(m.at("gcflags"), catalogue.CheckGCFlags)
	mod.Sum, _ = d.match(m.at("sum"), moduleSum, "a hash as go.sum has it, which begins with h1:")
	var ok bool
	if mod.Package, ok = d.line(m.at("package")); ok {
		if err := module.CheckImportPath(mod.Package); err != nil {
			d.mistake(m.at("package"), "%q is no import path: %s", short(mod.Package), cause(err))
		}
	}
	path, named := d.line(m.at("path"))
	version, versioned := d.line(m.at("version"))
	if named {
		if err := module.CheckPath(path); err != nil {
			d.mistake(m.at("path"), "%q is no path of a module: %s", short(path), cause(err))
		} else if err := module.Check(path, filledIn.ReplaceAllString(version, "0")); versioned && err != nil {
			d.mistake(m.at("version"), "%q is no version of %s: %s", short(version), short(path), cause(cause(err)))
		}
	}
	mod.Path, mod.Version = path, version
	return mod
}

var moduleSum = regexp.MustCompile(`^h1:[A-Za-z0-9+/]{43}=$`)

// goFlags reads flags of Go's linker or compiler, which may do nothing to the machine.
func (d *decoder) goFlags(p place, check func(string) error) string {
	flags, ok := d.line(p)
	if ok {
		if err := check(flags); err != nil {
			d.mistake(p, "%s", err)
		}
	}
	return flags
}

// without notes keys that do not go together with the others.
func (d *decoder) without(m *mapping, keys []string, why string) {
	for _, key := range m.among(keys...) {
		d.mistake(m.at(key), "%s", why)
	}
}

// maxPin bounds a pin, in bytes: the go.sum of the largest programs is a tenth of it.
const maxPin = 4 << 20

// pin reads the wrapper module that a tool is built by.
func (d *decoder) pin(p place, s *Scenario) []byte {
	name, ok := d.line(p)
	if !ok {
		return nil
	}
	f, err := s.openBeside(name)
	if err != nil {
		d.mistake(p, "%s", plainly(err))
		return nil
	}
	defer f.Close()
	s.reaches(p, name)
	data, err := io.ReadAll(io.LimitReader(f, maxPin+1))
	switch {
	case err != nil:
		d.mistake(p, "%s", cause(err))
		return nil
	case len(data) > maxPin:
		d.mistake(p, "the file has more than %d MiB; a pin is a go.mod and a go.sum", maxPin>>20)
		return nil
	}
	files := map[string]bool{}
	for _, f := range txtar.Parse(data).Files {
		files[f.Name] = true
	}
	for _, want := range []string{"go.mod", "go.sum"} {
		if !files[want] {
			d.mistake(p, "holds no %s; a pin is a txtar, in which it stands behind the line -- %[1]s --", want)
		}
	}
	if err := catalogue.CheckPin(data); files["go.mod"] && err != nil {
		d.mistake(p, "%s", err)
	}
	return data
}

func (d *decoder) debianTool(m *mapping) *catalogue.Package {
	if m == nil {
		return nil
	}
	t := &catalogue.Package{Archive: d.archive(m)}
	t.Name, _ = d.match(m.at("package"), debianPackage, "the name of a Debian package")
	t.Program, _ = d.absolute(m.at("program"))
	return t
}

func (d *decoder) extract(m *mapping) *catalogue.Extract {
	if m == nil {
		return nil
	}
	e := &catalogue.Extract{}
	var ok bool
	if e.Image, ok = d.line(m.at("ref")); ok {
		if _, err := name.NewDigest(e.Image); err != nil {
			d.mistake(m.at("ref"), "want an image by its digest, as in debian@sha256:…, got %q", short(e.Image))
		}
	}
	e.Path, _ = d.absolute(m.at("path"))
	return e
}

// public notes a server that cannot be a public one, in a scenario that nobody has read. What cannot be seen
// here is seen when it is dialed: see [fetch.Public].
func (d *decoder) public(p place, host string) {
	if !d.untrusted {
		return
	}
	if err := fetch.CheckHost(host); err != nil {
		d.mistake(p, "%s", err)
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
