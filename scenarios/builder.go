package scenarios

import (
	"regexp"

	"buildbisect/images/catalogue"
)

// pinned is what the builder fixes, for the axes to be checked against.
type pinned struct {
	base        place
	engine      place               // where it is understood
	engineNamed bool                // which dockerd is fixed
	tools, env  map[string]int      // name to line
	secrets     map[string]int      // likewise
	declared    map[string][]string // tool to the versions this file declares, rightly or not
	versions    map[string][]string // those there are, of tools that were asked for
	declaredAt  map[string]place
	shipped     *catalogue.Catalogue
	catalogue   *catalogue.Catalogue // the shipped one and what is rightly declared
}

// readBuilder reads what does not vary.
func readBuilder(top *mapping, s *Scenario) pinned {
	m := top.at("builder").mapping("builder")
	b := &s.Builder
	shipped := catalogue.Shipped()
	fixed := pinned{base: m.at("base"), shipped: shipped, catalogue: shipped}

	b.Base = readBase(m.at("base").mapping("base"))
	readEngine(m.at("engine"), b, &fixed)
	b.Network = "none"
	if word, ok := m.at("network").oneOf("none", "bridge"); ok {
		b.Network = word
	}
	b.Capabilities = readCapabilities(m.at("capabilities"))
	resources := m.at("resources").mapping("resources")
	b.Resources = readResources(resources)
	b.Env, fixed.env = readEnv(m.at("env"))
	b.Secrets, fixed.secrets = readSecrets(m.at("secrets"), fixed.env, s)
	b.Workdir = defaultWorkdir
	if dir, ok := m.at("workdir").absolute(); ok {
		b.Workdir = dir
	}
	readTools(m.at("tools"), s, &fixed)
	s.remember(m.at("network"), m.at("engine"), m.at("capabilities"), m.at("secrets"))
	s.remember(resources.at("pids"), resources.at("disk"), resources.at("log"), resources.at("artifacts"))
	b.Catalogue = fixed.catalogue
	return fixed
}

// envName is what a shell takes for the name of a variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const envNameWant = "the name of an environment variable: letters, digits and underscores, no digit first"

// readEnv reads constants, and says in which line each stands.
func readEnv(p place) (map[string]string, map[string]int) {
	values, lines := map[string]string{}, map[string]int{}
	pairs, _ := p.pairs("a mapping from variables to values")
	for _, entry := range pairs {
		if !envName.MatchString(entry.name) {
			entry.key.mistake("want %s", envNameWant)
			continue
		}
		lines[entry.name] = entry.key.node.Line
		if value, ok := entry.value.text(); ok {
			values[entry.name] = value
		}
	}
	return values, lines
}
