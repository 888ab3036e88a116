package scenarios

// EngineAxis varies the Docker engine of the build's own.
var EngineAxis AxisKind = engineKind{}

type engineKind struct{}

func (engineKind) String() string                                     { return "engine" }
func (engineKind) Heavy() bool                                        { return true }
func (engineKind) key(string) string                                  { return "engine" }
func (engineKind) variables(Axis) []string                            { return nil }
func (engineKind) Apply(_ Axis, level Level, w *World)                { w.Dockerd = &level }
func (k engineKind) read(p place, _ *Axis, _ pinned) bool { return mustBeTrue(p, k) }

func (engineKind) levels(m *mapping, _ Axis, fixed pinned, known bool) []Level {
	if !known {
		return nil
	}
	for _, key := range m.among("debian", "snapshots") {
		m.at(key).mistake("belongs to an axis {base: true}, whose levels are snapshots of one Debian suite")
	}
	if !m.has("levels") {
		m.place.mistake("levels is missing")
	}
	return unlike(m.at("levels"), func(p place) (Level, bool) { return readEngineLevel(p, fixed) })
}
