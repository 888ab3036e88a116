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
	"buildbisect/scenarios/document"
)

// providers are the ways to have a version of a tool. sha256 is not one of them: it belongs to a file.
var providers = []string{"file", "release", "module", "debian", "image"}

// readSources reads where a version is had from: one provider, or a list of them that are tried in order. Known
// are the sources of which the catalogue knows all but the version.
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
		m.At("any").Mistake("want at least one of %s", strings.Join(providers, ", "))
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
		return catalogue.Source{}, false
	}
	before := m.Noted()
	named := m.Among(providers...)
	switch {
	case len(named) == 0:
		m.Mistake("want one of %s, which say where the tool is had from", strings.Join(providers, ", "))
	case len(named) > 1:
		m.Mistake("has %s; want one of them%s", strings.Join(named, " and "), hint)
	}
	switch {
	case m.Has("file") && !m.Has("sha256"):
		m.Mistake("sha256 is missing; take it from: sha256sum FILE")
	case m.Has("sha256") && !m.Has("file") && len(named) > 0:
		m.At("sha256").Mistake("is that of a file, and none is named")
	}
	source := catalogue.Source{
		File:    readToolFile(m, s),
		Release: readRelease(m.At("release").Mapping("release"), known),
		Module:  readModule(m.At("module").Mapping("module"), s),
		Debian:  readDebianTool(m.At("debian").Mapping("package")),
		Image:   readExtract(m.At("image").Mapping("extract")),
	}
	return source, m.Noted() == before
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func readSha256(p document.Place) string {
	sum, _ := p.Match(sha256Hex, "64 lower case hexadecimal digits, as sha256sum prints them")
	return sum
}

func readToolFile(m *document.Mapping, s *Scenario) *catalogue.File {
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

// readRelease reads a download. Of a tool whose releases the catalogue knows, the checksum is enough.
func readRelease(m *document.Mapping, known []catalogue.Source) *catalogue.Release {
	if m == nil {
		return nil
	}
	r := &catalogue.Release{}
	i := slices.IndexFunc(known, func(s catalogue.Source) bool { return s.Release != nil })
	switch {
	case !m.Has("url") && i >= 0:
		*r = *known[i].Release
	case !m.Has("url"):
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

// readModule reads a Go module: one that is built, as a wrapper module pins it, or one that holds the tool ready
// made.
func readModule(m *document.Mapping, s *Scenario) *catalogue.Module {
	if m == nil {
		return nil
	}
	built, ready := []string{"package", "pin", "ldflags", "gcflags"}, []string{"path", "version", "sum"}
	required := []string{"package", "pin"}
	switch {
	case m.Has("package") && m.Has("path"):
		m.At("path").Mistake("package is named too; a module is either built, or taken as it is by its path")
		return nil
	case m.Has("path"):
		required = ready
		without(m, built, "belongs to a module that is built; path names one that is taken as it is")
	case m.Has("package"):
		without(m, ready, "belongs to a module that is taken as it is; the pin says which version is built")
	default:
		m.Mistake("want package and pin for a module that is built, or path, version and sum for one taken as it is")
		return nil
	}
	for _, key := range required {
		if !m.Has(key) {
			m.Mistake("%s is missing", key)
		}
	}
	if m.Has("package") {
		s.compiled = append(s.compiled, m.Path)
		s.remember(m.Place)
	}
	mod := &catalogue.Module{Pin: readPin(m.At("pin"), s)}
	mod.LDFlags = readGoFlags(m.At("ldflags"), catalogue.CheckLDFlags)
	mod.GCFlags = readGoFlags(m.At("gcflags"), catalogue.CheckGCFlags)
	mod.Sum, _ = m.At("sum").Match(moduleSum, "a hash as go.sum has it, which begins with h1:")
	var ok bool
	if mod.Package, ok = m.At("package").Line(); ok {
		if err := module.CheckImportPath(mod.Package); err != nil {
			m.At("package").Mistake("%q is no import path: %s", document.Short(mod.Package), cause(err))
		}
	}
	path, named := m.At("path").Line()
	version, versioned := m.At("version").Line()
	if named {
		if err := module.CheckPath(path); err != nil {
			m.At("path").Mistake("%q is no path of a module: %s", document.Short(path), cause(err))
		} else if err := module.Check(path, filledIn.ReplaceAllString(version, "0")); versioned && err != nil {
			m.At("version").Mistake("%q is no version of %s: %s", document.Short(version), document.Short(path), cause(cause(err)))
		}
	}
	mod.Path, mod.Version = path, version
	return mod
}

var moduleSum = regexp.MustCompile(`^h1:[A-Za-z0-9+/]{43}=$`)

// readGoFlags reads flags of Go's linker or compiler, which may do nothing to the machine.
func readGoFlags(p document.Place, check func(string) error) string {
	flags, ok := p.Line()
	if ok {
		if err := check(flags); err != nil {
			p.Mistake("%s", err)
		}
	}
	return flags
}

// without notes keys that do not go together with the others.
func without(m *document.Mapping, keys []string, why string) {
	for _, key := range m.Among(keys...) {
		m.At(key).Mistake("%s", why)
	}
}

// maxPin bounds a pin, in bytes: the go.sum of the largest programs is a tenth of it.
const maxPin = 4 << 20

// readPin reads the wrapper module that a tool is built by.
func readPin(p document.Place, s *Scenario) []byte {
	name, ok := p.Line()
	if !ok {
		return nil
	}
	f, err := s.openBeside(name)
	if err != nil {
		p.Mistake("%s", plainly(err))
		return nil
	}
	defer f.Close()
	s.reaches(p, name)
	data, err := io.ReadAll(io.LimitReader(f, maxPin+1))
	switch {
	case err != nil:
		p.Mistake("%s", cause(err))
		return nil
	case len(data) > maxPin:
		p.Mistake("the file has more than %d MiB; a pin is a go.mod and a go.sum", maxPin>>20)
		return nil
	}
	files := map[string]bool{}
	for _, f := range txtar.Parse(data).Files {
		files[f.Name] = true
	}
	for _, want := range []string{"go.mod", "go.sum"} {
		if !files[want] {
			p.Mistake("holds no %s; a pin is a txtar, in which it stands behind the line -- %[1]s --", want)
		}
	}
	if err := catalogue.CheckPin(data); files["go.mod"] && err != nil {
		p.Mistake("%s", err)
	}
	return data
}

func readDebianTool(m *document.Mapping) *catalogue.Package {
	if m == nil {
		return nil
	}
	t := &catalogue.Package{Archive: readArchive(m)}
	t.Name, _ = m.At("package").Match(debianPackage, "the name of a Debian package")
	t.Program, _ = m.At("program").Absolute()
	return t
}

func readExtract(m *document.Mapping) *catalogue.Extract {
	if m == nil {
		return nil
	}
	e := &catalogue.Extract{}
	var ok bool
	if e.Image, ok = m.At("ref").Line(); ok {
		if _, err := name.NewDigest(e.Image); err != nil {
			m.At("ref").Mistake("want an image by its digest, as in debian@sha256:…, got %q", document.Short(e.Image))
		}
	}
	e.Path, _ = m.At("path").Absolute()
	return e
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
