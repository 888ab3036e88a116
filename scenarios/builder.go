package scenarios

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"go.yaml.in/yaml/v3"

	"buildbisect/images"
)

// pinned is what the builder fixes, for the axes to be checked against.
type pinned struct {
	base       place
	tools, env map[string]int      // name to line
	declared   map[string][]string // tool to the versions this file declares, rightly or not
	declaredAt map[string]place
	catalogue  *images.Catalogue // the shipped one and what is rightly declared
}

// builder reads what does not vary.
func (d *decoder) builder(top *mapping, s *Scenario) pinned {
	m := d.mapping(top.at("builder"), "builder")
	b := &s.Builder
	fixed := pinned{base: m.at("base"), catalogue: images.Shipped()}

	b.Base = d.base(d.mapping(m.at("base"), "base"))
	b.Engine = d.engine(m.at("engine"))
	b.Network = "none"
	if word, ok := d.oneOf(m.at("network"), "none", "bridge"); ok {
		b.Network = word
	}
	b.Resources = d.resources(d.mapping(m.at("resources"), "resources"))
	b.Env, fixed.env = d.env(m.at("env"))
	b.Workdir = defaultWorkdir
	if dir, ok := d.absolute(m.at("workdir")); ok {
		b.Workdir = dir
	}
	d.tools(m.at("tools"), s, &fixed)
	b.Catalogue = fixed.catalogue
	return fixed
}

// base reads a base image; m is the mapping that describes it, of the builder or of a level.
func (d *decoder) base(m *mapping) images.Base {
	var base images.Base
	switch {
	case m == nil:
		return base
	case m.has("debian") && m.has("image"):
		d.mistake(m.at("image"), "debian is named too; a base is one of them")
	case !m.has("debian") && !m.has("image") && !m.has("dockerfile"):
		d.mistake(m.place, "want debian or image")
	}
	if ref, ok := d.line(m.at("image")); ok {
		if _, err := name.ParseReference(ref); err != nil {
			d.mistake(m.at("image"), "%q is no image reference: %s", short(ref), short(err.Error()))
		}
		base.Image = ref
	}
	if debian := d.mapping(m.at("debian"), "debian"); debian != nil {
		base.Debian = &images.Debian{}
		base.Debian.Suite, _ = d.match(debian.at("suite"), suite, "a Debian suite such as bookworm")
		packages, _ := d.list(debian.at("packages"))
		for _, p := range packages {
			if word, ok := d.match(p, debianPackage, "the name of a Debian package"); ok {
				if slices.Contains(base.Debian.Packages, word) {
					d.mistake(p, "%s stands twice", word)
				}
				base.Debian.Packages = append(base.Debian.Packages, word)
			}
		}
	}
	return base
}

var (
	suite         = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	debianPackage = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
)

func (d *decoder) engine(p place) Engine {
	word, ok := d.word(p)
	switch {
	case !ok, word == string(EngineNone):
		return EngineNone
	case word == string(EngineHost):
		return EngineHost
	case word == "dind":
		d.mistake(p, "dind is not supported in this version; want none or host")
	default:
		d.mistake(p, "want none or host, got %q", short(word))
	}
	return EngineNone
}

func (d *decoder) resources(m *mapping) Resources {
	pids, _ := d.count(m.at("pids"), 1)
	return Resources{
		CPUs:   d.amount(m.at("cpus")),
		Memory: d.size(m.at("memory")),
		PIDs:   int64(pids),
	}
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

// tools reads pinned tools and versions of the user's own. A tool of which one version is declared and that no axis
// varies stands at that version: why else would it be there.
func (d *decoder) tools(p place, s *Scenario, fixed *pinned) {
	s.Builder.Tools = map[string]string{}
	fixed.tools, fixed.declared, fixed.declaredAt = map[string]int{}, map[string][]string{}, map[string]place{}
	pairs, _ := d.pairs(p, "a mapping from tools to versions")
	for _, entry := range pairs {
		if entry.value.node.Kind == yaml.MappingNode {
			d.declare(entry, s, fixed)
			continue
		}
		fixed.tools[entry.name] = entry.key.node.Line
		if version, ok := d.word(entry.value); ok && d.tool(entry.key, entry.name, *fixed) {
			d.version(entry.value, entry.name, version, *fixed)
			s.Builder.Tools[entry.name] = version
		}
	}
}

var (
	toolName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+_-]*$`) // no dot: env.NAME and vary.NAME are keys of other axes
	toolVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_-]*$`)
	sha256Hex   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// reserved are the keys of axes that are not tools.
var reserved = []string{"commit", "base", "engine", "env", "vary"}

// declare reads the versions of one tool that the user brings as files.
func (d *decoder) declare(tool pair, s *Scenario, fixed *pinned) {
	if !toolName.MatchString(tool.name) || slices.Contains(reserved, tool.name) {
		d.mistake(tool.key, "want lower case letters, digits, dashes and underscores as the name of a tool, and none of %s",
			strings.Join(reserved, ", "))
		return
	}
	versions, _ := d.pairs(tool.value, "a mapping from versions to files")
	if len(versions) == 0 {
		d.mistake(tool.value, "no version is declared")
	}
	fixed.declared[tool.name], fixed.declaredAt[tool.name] = []string{}, tool.key
	for _, v := range versions {
		fixed.declared[tool.name] = append(fixed.declared[tool.name], v.name)
		if !toolVersion.MatchString(v.name) {
			d.mistake(v.key, "want a version of letters, digits, dots, dashes and underscores")
		}
		file, ok := d.toolFile(d.mapping(v.value, "file"), s)
		if !ok {
			continue
		}
		catalogue, err := fixed.catalogue.Declare(tool.name, v.name, file)
		if err != nil {
			d.mistake(v.key, "%s", err)
			continue
		}
		fixed.catalogue = catalogue
	}
}

func (d *decoder) toolFile(m *mapping, s *Scenario) (images.File, bool) {
	before := len(d.mistakes)
	var file images.File
	if path, ok := d.line(m.at("file")); ok {
		file.Path = d.onDisk(m.at("file"), path, s)
	}
	file.SHA256, _ = d.match(m.at("sha256"), sha256Hex, "64 lower case hexadecimal digits, as sha256sum prints them")
	file.Dest, _ = d.absolute(m.at("dest"))
	return file, m != nil && len(d.mistakes) == before
}

// settle pins declared tools that no axis varies.
func (d *decoder) settle(s *Scenario, fixed pinned, varied map[string]bool) {
	for tool, versions := range fixed.declared {
		switch {
		case varied[tool] || len(versions) == 0:
		case len(versions) == 1:
			s.Builder.Tools[tool] = versions[0]
		default:
			d.mistake(fixed.declaredAt[tool], "%d versions are declared and no axis varies them; declare one, or add an axis", len(versions))
		}
	}
}
