package scenarios

import (
	"regexp"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// pinned is what the builder fixes, for the axes to be checked against.
type pinned struct {
	base        document.Place
	engine      document.Place      // where it is understood
	engineNamed bool                // which dockerd is fixed
	tools, env  map[string]int      // name to line
	secrets     map[string]int      // likewise
	declared    map[string][]string // tool to the versions this file declares, rightly or not
	versions    map[string][]string // those there are, of tools that were asked for
	declaredAt  map[string]document.Place
	shipped     *catalogue.Catalogue
	catalogue   *catalogue.Catalogue // the shipped one and what is rightly declared
}

// readBuilder reads what does not vary.
func readBuilder(top *document.Mapping, s *Scenario) pinned {
	m := top.At("builder").Mapping("builder")
	b := &s.Builder
	shipped := catalogue.Shipped()
	fixed := pinned{base: m.At("base"), shipped: shipped, catalogue: shipped}

	b.Base = readBase(m.At("base").Mapping("base"))
	readEngine(m.At("engine"), b, &fixed)
	b.Network = "none"
	if word, ok := m.At("network").OneOf("none", "bridge"); ok {
		b.Network = word
	}
	b.Capabilities = readCapabilities(m.At("capabilities"))
	resources := m.At("resources").Mapping("resources")
	b.Resources = readResources(resources)
	b.Env, fixed.env = readEnv(m.At("env"))
	b.Secrets, fixed.secrets = readSecrets(m.At("secrets"), fixed.env, s)
	b.Workdir = defaultWorkdir
	if dir, ok := m.At("workdir").Absolute(); ok {
		b.Workdir = dir
	}
	readTools(m.At("tools"), s, &fixed)
	s.remember(m.At("network"), m.At("engine"), m.At("capabilities"), m.At("secrets"))
	s.remember(resources.At("pids"), resources.At("disk"), resources.At("log"), resources.At("artifacts"))
	b.Catalogue = fixed.catalogue
	return fixed
}

// envName is what a shell takes for the name of a variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const envNameWant = "the name of an environment variable: letters, digits and underscores, no digit first"

// readEnv reads constants, and says in which line each stands.
func readEnv(p document.Place) (map[string]string, map[string]int) {
	values, lines := map[string]string{}, map[string]int{}
	pairs, _ := p.Pairs("a mapping from variables to values")
	for _, entry := range pairs {
		if !envName.MatchString(entry.Name) {
			entry.Key.Mistake("want %s", envNameWant)
			continue
		}
		lines[entry.Name] = entry.Key.Node.Line
		if value, ok := entry.Value.Text(); ok {
			values[entry.Name] = value
		}
	}
	return values, lines
}
