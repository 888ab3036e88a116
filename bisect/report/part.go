package report

import (
	"fmt"
	"slices"
	"strings"
)

// Part is one thing that builder images, or engines beside them, were made of.
type Part struct {
	Kind     string   `json:"kind"`               // base or tool; the root of an engine is a base
	Name     string   `json:"name"`               // of a tool its name, of a base what was asked for
	Version  string   `json:"version,omitempty"`  // of a tool
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
		if p.Kind != "tool" {
			fmt.Fprintf(b, "   %s %s\n", p.Kind, Clean(p.Name))
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
