package scenarios

import (
	"maps"
	"slices"
	"strings"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// An AxisKind is what an axis varies. To add one, write a file with a value like [ToolAxis], and name it in
// kinds.
type AxisKind interface {
	// String is the key that says in a scenario what the axis varies.
	String() string
	// Apply makes of w what a build finds at a level of a.
	Apply(a Axis, level Level, w *World)
	// Heavy reports whether a level takes long to make: those inside a long timeline are made when a trial
	// first needs them.
	Heavy() bool

	// key is the name of an axis of this kind in --at and in reports.
	key(name string) string
	// read reads what stands at the key, into a. It reports whether the axis is of use.
	read(p document.Place, a *Axis, fixed pinned) bool
	// levels reads the levels of a. Where a is not understood (known is false) they are only checked for what
	// holds of any.
	levels(m *document.Mapping, a Axis, fixed pinned, known bool) []Level
	// variables are the environment variables that a sets, all to its level, or unsets where that is null.
	variables(a Axis) []string
}

// kinds are all there are, in the order in which messages name them.
var kinds = []AxisKind{ToolAxis, EnvAxis, BaseAxis, EngineAxis, VaryAxis}

// kindWords are the keys of all kinds.
func kindWords() (words []string) {
	for _, k := range kinds {
		words = append(words, k.String())
	}
	return words
}

func kindOf(word string) AxisKind {
	return kinds[slices.IndexFunc(kinds, func(k AxisKind) bool { return k.String() == word })]
}

// reserved are the keys of axes that are not tools.
func reserved() []string {
	words := slices.DeleteFunc(kindWords(), func(word string) bool { return word == ToolAxis.String() })
	slices.Sort(words)
	return append([]string{"commit"}, words...)
}

// Variables are the environment variables that the axis sets, all to its level, or unsets where that is null.
func (a Axis) Variables() []string { return a.Kind.variables(a) }

// World is what a build finds at a point: what its image is made of, and what stands around it.
type World struct {
	Spec     catalogue.Spec
	Env      []string // NAME=value; a bare NAME unsets what the image sets
	Prelude  string   // lines of shell before each stage's script
	Dockerd  *Level   // of the build's own, and what it runs from; nil: none
	Locale   string   // that the base must have; "": any
	Timezone string   // likewise
}

// world is what the builder alone makes of it.
func (b Builder) world() World {
	w := World{Spec: catalogue.Spec{Base: b.Base}}
	for _, tool := range sortedKeys(b.Tools) {
		w.Spec.Picks = append(w.Spec.Picks, catalogue.Pick{Tool: tool, Version: b.Tools[tool]})
	}
	w.Spec.Pool = slices.Clone(w.Spec.Picks)
	for _, name := range sortedKeys(b.Env) {
		w.Env = append(w.Env, name+"="+b.Env[name])
	}
	if b.Engine == EngineDind {
		w.Dockerd = &Level{Text: b.EngineVersion, Base: b.EngineBase}
	}
	return w
}

// World is what a build finds at levels of axes, one for each.
func (b Builder) World(axes []Axis, levels []Level) World {
	w := b.world()
	for i, a := range axes {
		a.Kind.Apply(a, levels[i], &w)
	}
	slices.SortFunc(w.Spec.Pool, catalogue.ComparePicks)
	w.Spec.Pool = slices.Compact(w.Spec.Pool)
	return w
}

// plainLevels reads strings and nulls; check notes those that the axis cannot have.
func plainLevels(m *document.Mapping, check func(p document.Place, level Level) bool) []Level {
	return listedLevels(m, func(p document.Place) (Level, bool) {
		level, ok := readLevel(p)
		if !ok || level.Null {
			return level, ok
		}
		return level, check(p, level)
	})
}

// listedLevels reads levels that stand in a list of their own.
func listedLevels(m *document.Mapping, read func(p document.Place) (Level, bool)) []Level {
	for _, key := range m.Among("debian", "snapshots") {
		m.At(key).Mistake("belongs to an axis {base: true}, whose levels are snapshots of one Debian suite")
	}
	if !m.Has("levels") {
		m.Place.Mistake("levels is missing")
	}
	return unlike(m.At("levels"), read)
}

// notBlank notes a level without a word.
func notBlank(p document.Place, level Level) bool {
	if strings.TrimSpace(level.Text) == "" {
		p.Mistake("the level is empty; write null for an absent tool")
		return false
	}
	return true
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
