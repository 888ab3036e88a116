package scenarios

import (
	"io"
	"regexp"

	"golang.org/x/mod/module"
	"golang.org/x/tools/txtar"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

var moduleProvider = provider{
	key: "module", mapping: "module",
	keys: document.Keys{Optional: []string{"package", "pin", "ldflags", "gcflags", "path", "version", "sum"}},
	read: readModule,
}

// readModule reads a Go module: one that is built, as a wrapper module pins it, or one that holds the tool
// ready made.
func readModule(m *document.Mapping, s *Scenario, _ []catalogue.Source) catalogue.Source {
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
