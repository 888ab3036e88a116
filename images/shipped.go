package images

import (
	"embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Each wrapper module is a txtar, because go:embed refuses folders that hold a go.mod.
//
//go:embed catalogue.yaml pins/*.txtar
var shipped embed.FS

// shippedTool is one tool in catalogue.yaml.
type shippedTool struct {
	About  string
	Dest   string
	Places []string
	Check  struct {
		Run  []string
		Want string
	}
	Module struct {
		Package, LDFlags string
	}
	Versions map[string]struct {
		GCFlags string
		API     string
		Local   []string // further pins that the wrapper's go.mod replaces modules with
	}
}

// Shipped returns the catalogue that comes with bisect. It is part of the program: a mistake in it is a bug, found by
// the tests, and panics.
func Shipped() *Catalogue {
	c, err := readShipped()
	if err != nil {
		panic(fmt.Sprintf("images: shipped catalogue: %v", err))
	}
	return c
}

func readShipped() (*Catalogue, error) {
	f, err := shipped.Open("catalogue.yaml")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var tools map[string]shippedTool
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&tools); err != nil {
		return nil, err
	}

	c := &Catalogue{tools: map[string]map[string]Toolchain{}}
	for name, tool := range tools {
		c.tools[name] = map[string]Toolchain{}
		for version, v := range tool.Versions {
			pin, err := shipped.ReadFile("pins/" + name + "-" + version + ".txtar")
			if err != nil {
				return nil, err
			}
			local := map[string][]byte{}
			for _, l := range v.Local {
				if local[l], err = shipped.ReadFile("pins/" + l + ".txtar"); err != nil {
					return nil, err
				}
			}
			of := func(s string) string { return strings.ReplaceAll(s, "{version}", version) }
			c.tools[name][version] = Toolchain{
				Tool: name, Version: version, About: tool.About,
				Dest: tool.Dest, Places: tool.Places,
				Command: tool.Check.Run, Want: of(tool.Check.Want), API: v.API,
				Module: &Module{
					Package: tool.Module.Package,
					LDFlags: of(tool.Module.LDFlags), GCFlags: v.GCFlags,
					Pin: pin, Local: local,
				},
			}
		}
	}
	return c, nil
}
