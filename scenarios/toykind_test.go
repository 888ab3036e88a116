package scenarios

import (
	"slices"
	"testing"

	"buildbisect/scenarios/document"
)

// loadKind is a kind of axis that bisect does not have: how many builds run beside, told to the build in a
// variable.
type loadKind struct{ envKind }

func (loadKind) String() string                      { return "load" }
func (loadKind) key(string) string                   { return "load" }
func (loadKind) variables(Axis) []string             { return []string{"LOAD"} }
func (loadKind) Apply(a Axis, level Level, w *World) { w.setAll(a, level) }

func (k loadKind) read(p document.Place, _ *Axis, _ pinned) bool { return mustBeTrue(p, k) }

func TestAKindOfAxisIsOneFile(t *testing.T) {
	own := kinds
	t.Cleanup(func() { kinds = own })
	kinds = append(slices.Clone(own), loadKind{})
	s, err := Decode("test.yaml", []byte(`
version: 1
name: demo
source: {repo: ., good: a, bad: b}
builder: {base: {image: x}}
axes:
  - {load: true, levels: ["1", "9"]}
stages: [{name: build, run: make}]
`), nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Axes[0]; a.Key() != "load" || len(a.Levels) != 2 {
		t.Errorf("%+v", a)
	}
	if w := s.Builder.World(s.Axes, []Level{s.Axes[0].Levels[1]}); !slices.Equal(w.Env, []string{"LOAD=9"}) {
		t.Errorf("%+v", w)
	}
	if !slices.Contains(reserved(), "load") {
		t.Error("a tool may have the name of the axis")
	}
}
