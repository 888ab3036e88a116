package scenarios

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

func (k baseKind) read(d *decoder, p place, _ *Axis, _ pinned) bool { return d.mustBeTrue(p, k) }

func (baseKind) levels(d *decoder, m *mapping, _ Axis, _ pinned, known bool) []Level {
	if !known {
		return nil
	}
	return d.baseLevels(m)
}

// mustBeTrue reads the flag of a kind of which a scenario has one axis.
func (d *decoder) mustBeTrue(p place, k AxisKind) bool {
	before := len(d.mistakes)
	if !d.flag(p) && len(d.mistakes) == before {
		d.mistake(p, "want true; leave the axis out if the %s does not vary", k)
	}
	return len(d.mistakes) == before
}
