package catalogue

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Each wrapper module is a txtar, because go:embed refuses folders that hold a go.mod.
//
//go:embed catalogue.yaml pins/*.txtar
var shipped embed.FS

// shippedFile is catalogue.yaml.
type shippedFile struct {
	Tools   map[string]shippedTool
	Engines map[string]struct {
		Debian struct {
			Suite    string
			Packages []string
		}
	}
}

// shippedTool is one tool. A version comes from a module if there is a pin for it, or a sum; from a Debian
// package if one is named; and from a release if its checksum is known. The providers are tried in that
// order.
type shippedTool struct {
	About   string
	Dest    string
	Places  []string
	Tree    string
	Program string
	Also    map[string]string
	Check   struct {
		Run  []string
		Want string
	}
	Module struct {
		Package, LDFlags string
		Path, Version    string
	}
	Release struct {
		URL, Member string
	}
	Versions map[string]struct {
		GCFlags string
		API     string
		Want    string            // where it prints its version otherwise than the others
		Local   []string          // further pins that the wrapper's go.mod replaces modules with
		Sums    map[string]string // h1: hash of the module taken as it is, by processor
		SHA256  map[string]string // of the release, by processor
		Debian  *struct {
			Suite, Package, Program string
			Alone                   bool
		}
	}
}

// Shipped returns the catalogue that comes with bisect. It is part of the program: a mistake in it is a bug,
// found by the tests, and panics.
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
	var file shippedFile
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}

	c := &Catalogue{templates: map[string]Toolchain{}, engines: map[string]Base{}}
	for version, e := range file.Engines {
		c.engines[version] = Base{Debian: &Debian{Archive: Archive{Suite: e.Debian.Suite}, Packages: e.Debian.Packages}}
	}
	for name, tool := range file.Tools {
		template := tool.toolchain(name)
		c.templates[name] = template
		for version := range tool.Versions {
			t := template
			t.Version, t.API, t.Sources = version, tool.Versions[version].API, nil
			if want := tool.Versions[version].Want; want != "" {
				t.Want = want
			}
			if t.Sources, err = tool.sources(name, version); err != nil {
				return nil, err
			}
			if len(t.Sources) == 0 {
				continue // not for this processor
			}
			if c, err = c.Declare(t); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// toolchain is what all versions share.
func (tool shippedTool) toolchain(name string) Toolchain {
	t := Toolchain{
		Tool: name, About: tool.About, Dest: tool.Dest, Places: tool.Places, Tree: tool.Tree, Program: tool.Program, Also: tool.Also,
		Command: tool.Check.Run, Want: tool.Check.Want,
	}
	if tool.Release.URL != "" {
		t.Sources = []Source{&Release{URL: tool.Release.URL, Member: tool.Release.Member}}
	}
	return t
}

// sources are the providers of one version.
func (tool shippedTool) sources(name, version string) ([]Source, error) {
	v := tool.Versions[version]
	var all []Source
	pin, err := shipped.ReadFile("pins/" + name + "-" + version + ".txtar")
	switch {
	case err == nil:
		m := &Module{Package: tool.Module.Package, LDFlags: tool.Module.LDFlags, GCFlags: v.GCFlags, Pin: pin, Local: map[string][]byte{}}
		for _, l := range v.Local {
			if m.Local[l], err = shipped.ReadFile("pins/" + l + ".txtar"); err != nil {
				return nil, err
			}
		}
		all = append(all, m)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if sum := v.Sums[runtime.GOARCH]; sum != "" {
		version := strings.ReplaceAll(tool.Module.Version, "{arch}", runtime.GOARCH)
		all = append(all, &Module{Path: tool.Module.Path, Version: version, Sum: sum})
	}
	if v.Debian != nil {
		all = append(all, &Package{Archive: Archive{Suite: v.Debian.Suite}, Name: v.Debian.Package, Program: v.Debian.Program, Alone: v.Debian.Alone})
	}
	if sum := v.SHA256[runtime.GOARCH]; sum != "" {
		all = append(all, &Release{URL: tool.Release.URL, SHA256: sum, Member: tool.Release.Member})
	}
	return all, nil
}
