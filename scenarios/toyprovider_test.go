package scenarios

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// text is a provider that bisect does not have: a tool that stands in the scenario itself.
type text struct{ Script string }

func (t *text) Kind() string                                     { return "text" }
func (t *text) String() string                                   { return "text of the scenario" }
func (t *text) Check(catalogue.Toolchain) error                  { return nil }
func (t *text) Filled(fill func(string) string) catalogue.Source { return &text{fill(t.Script)} }
func (t *text) Folder() bool                                     { return false }
func (t *text) Recipe(catalogue.Making) any                      { return t.Script }

func (t *text) Make(_ context.Context, to string, say func(string)) error {
	say("writing it down")
	return os.WriteFile(to, []byte(t.Script), 0o755)
}

var textProvider = provider{
	key: "text", mapping: "text", keys: document.Keys{Required: []string{"script"}},
	read: func(m *document.Mapping, _ *Scenario, _ []catalogue.Source) catalogue.Source {
		script, _ := m.At("script").Text()
		return &text{script}
	},
}

func TestAProviderIsOneFile(t *testing.T) {
	own := providers
	t.Cleanup(func() { providers = own })
	providers = append(slices.Clone(own), textProvider)
	s, err := Decode("test.yaml", []byte(`
version: 1
name: demo
source: {repo: ., good: a, bad: b}
builder:
  base: {image: x}
  tools:
    greet:
      "1": {text: {script: "#!/bin/sh\necho greet {version}\n"}, dest: /usr/bin/greet}
      "2": {text: {script: "#!/bin/sh\necho greets {version}\n"}, dest: /usr/bin/greet}
axes:
  - {tool: greet, levels: ["1", "2"]}
stages: [{name: build, run: make}]
`), nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &images.Builder{Cache: t.TempDir(), Catalogue: s.Builder.Catalogue}
	layers := map[string]bool{}
	for i, level := range s.Axes[0].Levels {
		set, err := b.Tools(t.Context(), s.Builder.World(s.Axes, []Level{level}).Spec)
		if err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadFile(set.Links["/usr/bin/greet"])
		if want := fmt.Sprintf("#!/bin/sh\necho greet%s %d\n", []string{"", "s"}[i], i+1); err != nil || string(made) != want {
			t.Errorf("level %s is %q, %v", level.Text, made, err)
		}
		layers[set.Identity] = true
	}
	if len(layers) != 2 || len(b.Used().Tools) != 2 {
		t.Errorf("%d identities, and the lock has %+v", len(layers), b.Used().Tools)
	}
}
