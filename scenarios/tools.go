package scenarios

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readTools reads pinned tools and versions of the user's own. A tool of which one version is declared and that
// no axis varies stands at that version: why else would it be there.
func readTools(p place, s *Scenario, fixed *pinned) {
	s.Builder.Tools = map[string]string{}
	fixed.tools, fixed.declared, fixed.declaredAt = map[string]int{}, map[string][]string{}, map[string]place{}
	fixed.versions = map[string][]string{}
	pairs, _ := p.pairs("a mapping from tools to versions")
	for _, entry := range pairs {
		if entry.value.node.Kind == yaml.MappingNode {
			declare(entry, s, fixed)
			continue
		}
		fixed.tools[entry.name] = entry.key.node.Line
		if version, ok := entry.value.word(); ok && readTool(entry.key, entry.name, *fixed) {
			readVersion(entry.value, entry.name, version, *fixed)
			s.Builder.Tools[entry.name] = version
		}
	}
}

var (
	toolName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+_-]*$`) // no dot: env.NAME and vary.NAME are keys of other axes
	toolVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_-]*$`)
)

// declare reads the versions of one tool for which the user says where they are had from.
func declare(tool pair, s *Scenario, fixed *pinned) {
	if !toolName.MatchString(tool.name) || slices.Contains(reserved(), tool.name) {
		tool.key.mistake("want lower case letters, digits, dashes and underscores as the name of a tool, and none of %s",
			strings.Join(reserved(), ", "))
		return
	}
	versions, _ := tool.value.pairs("a mapping from versions to where they are had from")
	if len(versions) == 0 {
		tool.value.mistake("no version is declared")
	}
	fixed.declared[tool.name], fixed.declaredAt[tool.name] = []string{}, tool.key
	for _, v := range versions {
		fixed.declared[tool.name] = append(fixed.declared[tool.name], v.name)
		before := v.key.noted()
		if !toolVersion.MatchString(v.name) {
			v.key.mistake("want a version of letters, digits, dots, dashes and underscores")
		}
		toolchain := readToolchain(v.value.mapping("toolchain"), tool.name, v.name, s, fixed)
		if v.key.noted() > before {
			continue
		}
		catalogue, err := fixed.catalogue.Declare(toolchain)
		if err != nil {
			v.key.mistake("%s", err)
			continue
		}
		fixed.catalogue = catalogue
	}
}

// settleTools pins declared tools that no axis varies.
func settleTools(s *Scenario, fixed pinned, varied map[string]bool) {
	for tool, versions := range fixed.declared {
		switch {
		case varied[tool] || len(versions) == 0:
		case len(versions) == 1:
			s.Builder.Tools[tool] = versions[0]
		default:
			fixed.declaredAt[tool].mistake("%d versions are declared and no axis varies them; declare one, or add an axis", len(versions))
		}
	}
}

// readTool notes an unknown tool.
func readTool(p place, tool string, fixed pinned) bool {
	have := fixed.catalogue.Tools()
	_, declared := fixed.declared[tool]
	if declared || slices.Contains(have, tool) {
		return true
	}
	p.mistake("unknown tool %q; %s, or declare versions of your own below builder.tools", short(tool), choices(tool, have))
	return false
}

// readVersion notes an unknown version of a known tool. A version whose declaration is itself a mistake is not
// noted again.
func readVersion(p place, tool, version string, fixed pinned) {
	declared := fixed.declared[tool]
	have, sorted := fixed.versions[tool]
	if !sorted {
		if have = fixed.catalogue.Versions(tool); len(have) == 0 {
			have = declared[:min(len(declared), 10)] // all of them mistakes
		}
		fixed.versions[tool] = have
	}
	if !slices.Contains(have, version) && !slices.Contains(declared, version) {
		p.mistake("unknown version %q of %s; %s", short(version), tool, choices(version, have))
	}
}
