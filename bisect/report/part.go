package report

import (
	"fmt"
	"slices"
	"strings"
)

// Part is one thing that builder images, or engines beside them, were made of.
type Part struct {
	Kind     string   `json:"kind"`               // base, engine or tool
	Name     string   `json:"name"`               // of a tool its name, of a base and an engine what was asked for
	Version  string   `json:"version,omitempty"`  // of a tool and an engine
	Provider string   `json:"provider,omitempty"` // that served: module, release, debian, image or file
	From     string   `json:"from,omitempty"`     // what the provider took it from
	Layers   []string `json:"layers"`             // digests, lowest first
}

// parts says in a few lines what trials were built with, and whence.
func (r *Report) parts(b *strings.Builder) {
	if len(r.Parts) == 0 {
		return
	}
	b.WriteString("\nbuilt with\n")
	var tools []string // tool and provider, in order
	versions := map[string][]string{}
	for _, p := range r.Parts {
		switch p.Kind {
		case "base":
			fmt.Fprintf(b, "   base %s\n", Clean(p.Name))
			continue
		case "engine":
			fmt.Fprintf(b, "   engine %s (%s)\n", Clean(p.Version), Clean(p.Name))
			continue
		}
		key := p.Name + "\x00" + p.Provider
		if !slices.Contains(tools, key) {
			tools = append(tools, key)
		}
		versions[key] = append(versions[key], p.Version)
	}
	for _, key := range tools {
		name, provider, _ := strings.Cut(key, "\x00")
		fmt.Fprintf(b, "   %s %s (%s)\n", Clean(name), Clean(strings.Join(versions[key], ", ")), provider)
	}
}
