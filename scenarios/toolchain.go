package scenarios

import (
	"path"
	"slices"

	"buildbisect/images/catalogue"
)

// readToolchain reads one declared version of a tool. Of a tool that the catalogue knows, what is left out is as
// it is there.
func readToolchain(m *mapping, tool, version string, s *Scenario, fixed *pinned) catalogue.Toolchain {
	if m == nil {
		return catalogue.Toolchain{}
	}
	t, _ := fixed.shipped.Template(tool)
	t.Tool, t.Version, t.Sources = tool, version, readSources(m, s, t.Sources)
	if !foldered(t.Sources) {
		t.Tree, t.Program, t.Also = "", "", nil
	}
	if len(t.Sources) == 1 && t.Sources[0].File != nil && !m.has("check") {
		t.Command, t.Want = nil, "" // the user's own program says of itself what it likes
	}
	asked := t.Dest
	readLayout(m, &t)
	t.Command = slices.Clone(t.Command)
	if len(t.Command) > 0 && t.Command[0] == asked {
		t.Command[0] = t.Dest
	}
	readCheck(m.at("check").mapping("check"), &t)
	return t
}

// foldered reports whether all of sources can bring a whole folder.
func foldered(sources []catalogue.Source) bool {
	return !slices.ContainsFunc(sources, func(s catalogue.Source) bool { return s.Release == nil && !ready(s) })
}

// ready reports a module that is taken as it is.
func ready(s catalogue.Source) bool { return s.Module != nil && s.Module.Path != "" }

// readLayout reads where the tool stands in the builder.
func readLayout(m *mapping, t *catalogue.Toolchain) {
	switch {
	case m.has("dest"):
		t.Dest, _ = m.at("dest").absolute()
	case t.Dest == "" && len(t.Sources) == 1 && t.Sources[0].Debian != nil:
		t.Dest = t.Sources[0].Debian.Program
	case t.Dest == "" && !m.has("debian"):
		m.place.mistake("dest is missing; it says where the tool stands in the builder, such as /usr/local/bin/%s", t.Tool)
	}
	switch {
	case m.has("tree"):
		t.Tree, _ = m.at("tree").absolute()
		t.Program, t.Also = "", readAlso(m.at("also"))
		if !foldered(t.Sources) {
			m.at("tree").mistake("only a release, or a module taken as it is, brings a whole folder")
		}
	case m.has("also"):
		m.at("also").mistake("belongs to a tool that is a whole folder; name that as tree")
	}
	inModule := slices.ContainsFunc(t.Sources, ready)
	if program, ok := m.at("program").relative(); ok {
		t.Program = program
	}
	switch {
	case m.has("program") && !m.has("tree") && !inModule:
		m.at("program").mistake("belongs to a tool that is a whole folder; name that as tree")
	case !m.has("program") && (m.has("tree") || inModule && t.Program == ""):
		m.place.mistake("program is missing; it says which file is the tool, such as bin/%s", t.Tool)
	}
}

// readAlso reads further links into the folder that a tool is.
func readAlso(p place) map[string]string {
	pairs, _ := p.pairs("a mapping from absolute paths to paths in the tree")
	var links map[string]string
	for _, link := range pairs {
		target, ok := link.value.relative()
		if link.key.isAbsolute(link.name) && ok {
			if links == nil {
				links = map[string]string{}
			}
			links[path.Clean(link.name)] = target
		}
	}
	return links
}

// readCheck reads how a tool is asked for its version, and what it must say.
func readCheck(m *mapping, t *catalogue.Toolchain) {
	words, listed := m.at("run").list()
	switch {
	case m == nil:
		return
	case listed && len(words) == 0:
		m.at("run").mistake("want the tool and its arguments, such as [%s, --version]", t.Tool)
	case listed:
		t.Command, t.Want = nil, ""
	case !m.has("run") && len(t.Command) == 0:
		m.place.mistake("run is missing; it asks the tool for its version, such as [%s, --version]", t.Tool)
	}
	for _, word := range words {
		if word, ok := word.line(); ok {
			t.Command = append(t.Command, word)
		}
	}
	if want, ok := m.at("want").line(); ok {
		t.Want = want
	}
}
