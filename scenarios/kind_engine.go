package scenarios

import "buildbisect/scenarios/document"

// EngineAxis varies the Docker engine of the build's own.
var EngineAxis AxisKind = engineKind{}

type engineKind struct{}

func (engineKind) String() string                                  { return "engine" }
func (engineKind) Heavy() bool                                     { return true }
func (engineKind) key(string) string                               { return "engine" }
func (engineKind) variables(Axis) []string                         { return nil }
func (engineKind) Apply(_ Axis, level Level, w *World)             { w.Dockerd = &level }
func (k engineKind) read(p document.Place, _ *Axis, _ pinned) bool { return mustBeTrue(p, k) }

func (engineKind) levels(m *document.Mapping, _ Axis, fixed pinned, known bool) []Level {
	if !known {
		return nil
	}
	for _, key := range m.Among("debian", "snapshots") {
		m.At(key).Mistake("belongs to an axis {base: true}, whose levels are snapshots of one Debian suite")
	}
	if !m.Has("levels") {
		m.Place.Mistake("levels is missing")
	}
	return unlike(m.At("levels"), func(p document.Place) (Level, bool) { return readEngineLevel(p, fixed) })
}
