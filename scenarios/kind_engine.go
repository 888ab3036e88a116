package scenarios

// EngineAxis varies the Docker engine of the build's own.
var EngineAxis AxisKind = engineKind{}

type engineKind struct{}

func (engineKind) String() string                                     { return "engine" }
func (engineKind) Heavy() bool                                        { return true }
func (engineKind) key(string) string                                  { return "engine" }
func (engineKind) variables(Axis) []string                            { return nil }
func (engineKind) Apply(_ Axis, level Level, w *World)                { w.Dockerd = &level }
func (k engineKind) read(d *decoder, p place, _ *Axis, _ pinned) bool { return d.mustBeTrue(p, k) }

func (engineKind) levels(d *decoder, m *mapping, _ Axis, fixed pinned, known bool) []Level {
	if !known {
		return nil
	}
	for _, key := range m.among("debian", "snapshots") {
		d.mistake(m.at(key), "belongs to an axis {base: true}, whose levels are snapshots of one Debian suite")
	}
	if !m.has("levels") {
		d.mistake(m.place, "levels is missing")
	}
	return d.unlike(m.at("levels"), func(p place) (Level, bool) { return d.engineLevel(p, fixed) })
}
