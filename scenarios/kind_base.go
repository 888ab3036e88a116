package scenarios

import "buildbisect/scenarios/document"

// BaseAxis varies what the box runs from.
var BaseAxis AxisKind = baseKind{}

type baseKind struct{}

func (baseKind) String() string          { return "base" }
func (baseKind) Heavy() bool             { return true }
func (baseKind) key(string) string       { return "base" }
func (baseKind) variables(Axis) []string { return nil }

func (baseKind) Apply(a Axis, level Level, w *World) {
	w.Spec.Base, w.Spec.BaseVaries = level.Base, len(a.Levels) > 1
}

func (k baseKind) read(p document.Place, _ *Axis, _ pinned) bool { return mustBeTrue(p, k) }

func (baseKind) levels(m *document.Mapping, _ Axis, _ pinned, known bool) []Level {
	if !known {
		return nil
	}
	return readBaseLevels(m)
}

// mustBeTrue reads the flag of a kind of which a scenario has one axis.
func mustBeTrue(p document.Place, k AxisKind) bool {
	before := p.Noted()
	if !p.Flag() && p.Noted() == before {
		p.Mistake("want true; leave the axis out if the %s does not vary", k)
	}
	return p.Noted() == before
}
