package scenarios

import (
	"path"
	"slices"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// readToolchain reads one declared version of a tool. Of a tool that the catalogue knows, what is left out is
// as it is there.
func readToolchain(m *document.Mapping, tool, version string, s *Scenario, fixed *pinned) catalogue.Toolchain {
	if m == nil {
		return catalogue.Toolchain{}
	}
	t, _ := fixed.shipped.Template(tool)
	t.Tool, t.Version, t.Sources = tool, version, readSources(m, s, t.Sources)
	if !foldered(t.Sources) {
		t.Tree, t.Program, t.Also = "", "", nil
	}
	if onlySource[*catalogue.File](t) != nil && !m.Has("check") {
		t.Command, t.Want = nil, "" // the user's own program says of itself what it likes
	}
	asked := t.Dest
	readLayout(m, &t)
	t.Command = slices.Clone(t.Command)
	if len(t.Command) > 0 && t.Command[0] == asked {
		t.Command[0] = t.Dest
	}
	readCheck(m.At("check").Mapping("check"), &t)
	return t
}

// onlySource is the source of t, if it has one alone, and that is an S.
func onlySource[S catalogue.Source](t catalogue.Toolchain) (only S) {
	if len(t.Sources) == 1 {
		only, _ = t.Sources[0].(S)
	}
	return only
}

// foldered reports whether all of sources can bring a whole folder.
func foldered(sources []catalogue.Source) bool {
	return !slices.ContainsFunc(sources, func(s catalogue.Source) bool { return !s.Folder() })
}

// ready reports a module that is taken as it is.
func ready(s catalogue.Source) bool {
	m, ok := s.(*catalogue.Module)
	return ok && m.Path != ""
}

// readLayout reads where the tool stands in the builder.
func readLayout(m *document.Mapping, t *catalogue.Toolchain) {
	switch packaged := onlySource[*catalogue.Package](*t); {
	case m.Has("dest"):
		t.Dest, _ = m.At("dest").Absolute()
	case t.Dest == "" && packaged != nil:
		t.Dest = packaged.Program
	case t.Dest == "" && !m.Has("debian"):
		m.Place.Mistake("dest is missing; it says where the tool stands in the builder, such as /usr/local/bin/%s", t.Tool)
	}
	switch {
	case m.Has("tree"):
		t.Tree, _ = m.At("tree").Absolute()
		t.Program, t.Also = "", readAlso(m.At("also"))
		if !foldered(t.Sources) {
			m.At("tree").Mistake("only a release, or a module taken as it is, brings a whole folder")
		}
	case m.Has("also"):
		m.At("also").Mistake("belongs to a tool that is a whole folder; name that as tree")
	}
	inModule := slices.ContainsFunc(t.Sources, ready)
	if program, ok := m.At("program").Relative(); ok {
		t.Program = program
	}
	switch {
	case m.Has("program") && !m.Has("tree") && !inModule:
		m.At("program").Mistake("belongs to a tool that is a whole folder; name that as tree")
	case !m.Has("program") && (m.Has("tree") || inModule && t.Program == ""):
		m.Place.Mistake("program is missing; it says which file is the tool, such as bin/%s", t.Tool)
	}
}

// readAlso reads further links into the folder that a tool is.
func readAlso(p document.Place) map[string]string {
	pairs, _ := p.Pairs("a mapping from absolute paths to paths in the tree")
	var links map[string]string
	for _, link := range pairs {
		target, ok := link.Value.Relative()
		if link.Key.IsAbsolute(link.Name) && ok {
			if links == nil {
				links = map[string]string{}
			}
			links[path.Clean(link.Name)] = target
		}
	}
	return links
}

// readCheck reads how a tool is asked for its version, and what it must say.
func readCheck(m *document.Mapping, t *catalogue.Toolchain) {
	words, listed := m.At("run").List()
	switch {
	case m == nil:
		return
	case listed && len(words) == 0:
		m.At("run").Mistake("want the tool and its arguments, such as [%s, --version]", t.Tool)
	case listed:
		t.Command, t.Want = nil, ""
	case !m.Has("run") && len(t.Command) == 0:
		m.Place.Mistake("run is missing; it asks the tool for its version, such as [%s, --version]", t.Tool)
	}
	for _, word := range words {
		if word, ok := word.Line(); ok {
			t.Command = append(t.Command, word)
		}
	}
	if want, ok := m.At("want").Line(); ok {
		t.Want = want
	}
}
