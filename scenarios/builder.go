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

// builder reads what does not vary.
func (d *decoder) builder(top *mapping, s *Scenario) pinned {
	m := d.mapping(top.at("builder"), "builder")
	b := &s.Builder
	shipped := catalogue.Shipped()
	fixed := pinned{base: m.at("base"), shipped: shipped, catalogue: shipped}

	b.Base = d.base(d.mapping(m.at("base"), "base"))
	d.engine(m.at("engine"), b, &fixed)
	b.Network = "none"
	if word, ok := d.oneOf(m.at("network"), "none", "bridge"); ok {
		b.Network = word
	}
	b.Capabilities = d.capabilities(m.at("capabilities"))
	resources := d.mapping(m.at("resources"), "resources")
	b.Resources = d.resources(resources)
	b.Env, fixed.env = d.env(m.at("env"))
	b.Secrets, fixed.secrets = d.secrets(m.at("secrets"), fixed.env, s)
	b.Workdir = defaultWorkdir
	if dir, ok := d.absolute(m.at("workdir")); ok {
		b.Workdir = dir
	}
	d.tools(m.at("tools"), s, &fixed)
	s.remember(m.at("network"), m.at("engine"), m.at("capabilities"), m.at("secrets"))
	s.remember(resources.at("pids"), resources.at("disk"), resources.at("log"), resources.at("artifacts"))
	b.Catalogue = fixed.catalogue
	return fixed
}

// envName is what a shell takes for the name of a variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const envNameWant = "the name of an environment variable: letters, digits and underscores, no digit first"

// env reads constants, and says in which line each stands.
func (d *decoder) env(p place) (map[string]string, map[string]int) {
	values, lines := map[string]string{}, map[string]int{}
	pairs, _ := d.pairs(p, "a mapping from variables to values")
	for _, entry := range pairs {
		if !envName.MatchString(entry.name) {
			d.mistake(entry.key, "want %s", envNameWant)
			continue
		}
		lines[entry.name] = entry.key.node.Line
		if value, ok := d.text(entry.value); ok {
			values[entry.name] = value
		}
	}
	return values, lines
}
