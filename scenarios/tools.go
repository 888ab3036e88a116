package scenarios

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildbisect/scenarios/document"
)

// readTools reads pinned tools and versions of the user's own. A tool of which one version is declared and
// that no axis varies stands at that version: why else would it be there.
func readTools(p document.Place, s *Scenario, fixed *pinned) {
	s.Builder.Tools = map[string]string{}
	fixed.tools, fixed.declared, fixed.declaredAt = map[string]int{}, map[string][]string{}, map[string]document.Place{}
	fixed.versions = map[string][]string{}
	pairs, _ := p.Pairs("a mapping from tools to versions")
	for _, entry := range pairs {
		if entry.Value.Node.Kind == yaml.MappingNode {
			declare(entry, s, fixed)
			continue
		}
		fixed.tools[entry.Name] = entry.Key.Node.Line
		if version, ok := entry.Value.Word(); ok && readTool(entry.Key, entry.Name, *fixed) {
			readVersion(entry.Value, entry.Name, version, *fixed)
			s.Builder.Tools[entry.Name] = version
		}
	}
}

var (
	toolName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+_-]*$`) // no dot: env.NAME and vary.NAME are keys of other axes
	toolVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_-]*$`)
)

// declare reads the versions of one tool for which the user says where they are had from.
func declare(tool document.Pair, s *Scenario, fixed *pinned) {
	if !toolName.MatchString(tool.Name) || slices.Contains(reserved(), tool.Name) {
		tool.Key.Mistake("want lower case letters, digits, dashes and underscores as the name of a tool, and none of %s",
			strings.Join(reserved(), ", "))
		return
	}
	versions, _ := tool.Value.Pairs("a mapping from versions to where they are had from")
	if len(versions) == 0 {
		tool.Value.Mistake("no version is declared")
	}
	fixed.declared[tool.Name], fixed.declaredAt[tool.Name] = []string{}, tool.Key
	for _, v := range versions {
		fixed.declared[tool.Name] = append(fixed.declared[tool.Name], v.Name)
		before := v.Key.Noted()
		if !toolVersion.MatchString(v.Name) {
			v.Key.Mistake("want a version of letters, digits, dots, dashes and underscores")
		}
		toolchain := readToolchain(v.Value.Mapping("toolchain"), tool.Name, v.Name, s, fixed)
		if v.Key.Noted() > before {
			continue
		}
		catalogue, err := fixed.catalogue.Declare(toolchain)
		if err != nil {
			v.Key.Mistake("%s", err)
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
			fixed.declaredAt[tool].Mistake("%d versions are declared and no axis varies them; declare one, or add an axis", len(versions))
		}
	}
}

// readTool notes an unknown tool.
func readTool(p document.Place, tool string, fixed pinned) bool {
	have := fixed.catalogue.Tools()
	_, declared := fixed.declared[tool]
	if declared || slices.Contains(have, tool) {
		return true
	}
	p.Mistake("unknown tool %q; %s, or declare versions of your own below builder.tools", document.Short(tool), choices(tool, have))
	return false
}

// readVersion notes an unknown version of a known tool. A version whose declaration is itself a mistake is
// not noted again.
func readVersion(p document.Place, tool, version string, fixed pinned) {
	declared := fixed.declared[tool]
	have, sorted := fixed.versions[tool]
	if !sorted {
		if have = fixed.catalogue.Versions(tool); len(have) == 0 {
			have = declared[:min(len(declared), 10)] // all of them mistakes
		}
		fixed.versions[tool] = have
	}
	if !slices.Contains(have, version) && !slices.Contains(declared, version) {
		p.Mistake("unknown version %q of %s; %s", document.Short(version), tool, choices(version, have))
	}
}
