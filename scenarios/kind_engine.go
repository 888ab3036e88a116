package scenarios

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"buildbisect/images/catalogue"
	"buildbisect/scenarios/document"
)

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
	return listedLevels(m, func(p document.Place) (Level, bool) { return readEngineLevel(p, fixed) })
}

// readEngine reads which Docker engine the build itself may use. Which dockerd a plain dind means is settled
// once the axes are known.
func readEngine(p document.Place, b *Builder, fixed *pinned) {
	b.Engine = EngineNone
	if p.Node != nil && p.Node.Kind == yaml.MappingNode {
		b.Engine = EngineDind
		level, _ := readEngineLevel(p.Mapping("engine").At("dind"), *fixed)
		b.EngineVersion, b.EngineBase = level.Text, level.Base
		fixed.engine, fixed.engineNamed = p, true
		return
	}
	const want = "none, host, dind or {dind: VERSION}"
	word, ok := p.Str(want)
	if !ok {
		return
	}
	switch Engine(word) {
	case EngineNone, EngineHost, EngineDind:
		b.Engine, fixed.engine = Engine(word), p
	default:
		p.Mistake("want %s, got %q", want, document.Short(word))
	}
}

// readEngineLevel reads a dockerd: a version that the catalogue has, or what to run it from.
func readEngineLevel(p document.Place, fixed pinned) (Level, bool) {
	if p.Node == nil {
		return Level{}, false
	}
	have := fixed.catalogue.Engines()
	if p.Node.Kind == yaml.MappingNode {
		level, ok := readNamedBase(p)
		if ok && slices.Contains(have, level.Text) {
			p.Mistake("%q is the name of a version that bisect has; give yours another name", level.Text)
			return level, false
		}
		return level, ok
	}
	version, ok := p.Str("the version of an engine or a mapping that names one")
	if !ok {
		return Level{}, false
	}
	if !slices.Contains(have, version) {
		p.Mistake("unknown version %q of the engine; %s; or name an image that has one", document.Short(version), choices(version, have))
		return Level{}, false
	}
	base, err := fixed.catalogue.Engine(version)
	if err != nil {
		p.Mistake("%s", err)
	}
	return Level{Text: version, Base: base}, err == nil
}

// settleEngine makes what the builder says of the engine agree with whether an axis varies it.
func settleEngine(b *Builder, fixed pinned, varied bool) {
	switch {
	case varied && fixed.engineNamed:
		fixed.engine.Mistake("the engine is both fixed here and varied by an axis; write dind alone, or leave the axis out")
	case varied && fixed.engine.Node != nil && b.Engine != EngineDind:
		fixed.engine.Mistake("an axis varies the engine, which only dind lets it; write dind, or leave the axis out")
	case varied:
		b.Engine = EngineDind
	case b.Engine == EngineDind && !fixed.engineNamed:
		base, err := fixed.catalogue.Engine(catalogue.DefaultEngine)
		if err != nil {
			fixed.engine.Mistake("%s", err)
		}
		b.EngineVersion, b.EngineBase = catalogue.DefaultEngine, base
	}
}
