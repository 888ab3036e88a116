package space

import (
	"buildbisect/bisect"
	"buildbisect/images/catalogue"
	"buildbisect/scenarios"
)

// manyBases is from how many levels on a base or an engine is made when a trial first needs it: a search
// visits few of a long timeline.
const manyBases = 5

// EarlySpecs names every base, tool and engine of the space but those inside a long timeline, of which it
// names the two ends.
func (s *Space) EarlySpecs(b scenarios.Builder) []catalogue.Spec {
	return s.specs(b, func(a scenarios.Axis, level int) int {
		if len(a.Levels) < manyBases || !a.Kind.Heavy() || level == 0 {
			return level
		}
		return len(a.Levels) - 1
	})
}

// AllSpecs names, together, every base, tool and engine of the space, each at least once.
func (s *Space) AllSpecs(b scenarios.Builder) []catalogue.Spec {
	return s.specs(b, func(_ scenarios.Axis, level int) int { return level })
}

// specs puts each axis through its levels, all at the same time, or through those that stand for them.
func (s *Space) specs(b scenarios.Builder, instead func(a scenarios.Axis, level int) int) []catalogue.Spec {
	most := 0
	for _, a := range s.axes {
		most = max(most, len(a.Levels))
	}
	var specs []catalogue.Spec
	for i := range max(most, 1) {
		p := s.Good()
		for axis, a := range s.axes {
			p[axis+1] = instead(a, min(i, len(a.Levels)-1))
		}
		specs = append(specs, s.SpecsAt(b, p)...)
	}
	return specs
}

// SpecsAt names the builder image of a point, and behind it that of the engine beside the build, if there is
// one.
func (s *Space) SpecsAt(b scenarios.Builder, p bisect.Point) []catalogue.Spec {
	world := s.World(b, p)
	specs := []catalogue.Spec{world.Spec}
	if world.Dockerd != nil {
		specs = append(specs, catalogue.Spec{Base: world.Dockerd.Base})
	}
	return specs
}
