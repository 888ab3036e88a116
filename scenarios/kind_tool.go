package scenarios

import (
	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

// ToolAxis varies the version of a tool; null is a build without it.
var ToolAxis AxisKind = toolKind{}

type toolKind struct{}

func (toolKind) String() string          { return "tool" }
func (toolKind) Heavy() bool             { return false }
func (toolKind) key(name string) string  { return name }
func (toolKind) variables(Axis) []string { return nil }

func (toolKind) Apply(a Axis, level Level, w *World) {
	pick := func(l Level) catalogue.Pick { return catalogue.Pick{Tool: a.Name, Version: l.Text, Absent: l.Null} }
	w.Spec.Picks = append(w.Spec.Picks, pick(level))
	for _, l := range a.Levels {
		if !l.Null {
			w.Spec.Pool = append(w.Spec.Pool, pick(l))
		}
	}
}

func (toolKind) read(p document.Place, a *Axis, fixed pinned) (ok bool) {
	a.Name, ok = p.Word()
	if ok && fixed.tools[a.Name] > 0 {
		p.Mistake("%s is both pinned, in line %d, and varied here; choose one", document.Short(a.Name), fixed.tools[a.Name])
		return false
	}
	return ok && readTool(p, a.Name, fixed)
}

func (toolKind) levels(m *document.Mapping, a Axis, fixed pinned, known bool) []Level {
	return plainLevels(m, func(p document.Place, level Level) bool {
		if !notBlank(p, level) {
			return false
		}
		if known {
			readVersion(p, a.Name, level.Text, fixed)
		}
		return true
	})
}
