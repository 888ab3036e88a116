package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"buildbisect/images"
	"buildbisect/scenarios"
)

// wanted is what to make, and the builder images to push.
func (s *session) wanted(o imagesBuildOptions) (parts, builders []images.Spec, err error) {
	if len(o.at) > 0 {
		if slices.ContainsFunc(o.at, func(at string) bool { return at == "commit" || strings.HasPrefix(at, "commit=") }) {
			return nil, nil, usageError{"--at commit: builder images are the same for all commits; name the other axes"}
		}
		point, err := s.pointAt(o.at)
		if err != nil {
			return nil, nil, err
		}
		levels := s.space.Levels(point)
		builders = []images.Spec{s.builderAt(levels)}
		parts = builders
		if engine, ok := s.engineAt(levels); ok {
			parts = append(slices.Clone(parts), images.Spec{Base: engine})
		}
	} else {
		parts = s.lab.Specs()
	}
	if o.push == "" {
		return parts, nil, nil
	}
	if len(o.at) == 0 {
		if builders, err = s.matrix(); err != nil {
			return nil, nil, err
		}
	}
	if len(builders) > 1 && strings.Contains(path.Base(o.push), ":") {
		return nil, nil, usageError{fmt.Sprintf("--push %s: the scenario has %d builder images, and one tag is for one of them; leave the tag out, or choose with --at",
			o.push, len(builders))}
	}
	return parts, builders, nil
}

// matrix lists the builder images of all points that can exist, each once.
func (s *session) matrix() ([]images.Spec, error) {
	all := 1
	for _, a := range s.scenario.Axes {
		if all *= len(a.Levels); all > mostCombinations {
			return nil, usageError{fmt.Sprintf("--push: more than %d combinations of levels; choose one with --at", mostCombinations)}
		}
	}
	var specs []images.Spec
	seen := map[string]bool{}
	levels := make([]int, len(s.scenario.Axes))
	for n := range all {
		for i, a := range s.scenario.Axes {
			levels[i], n = n%len(a.Levels), n/len(a.Levels)
		}
		if _, excluded := s.scenario.Excluded(levels); excluded {
			continue
		}
		spec := s.builderAt(levels)
		identity, err := s.images.Identity(spec)
		if err != nil {
			return nil, err
		}
		if !seen[identity] {
			seen[identity] = true
			specs = append(specs, spec)
		}
	}
	return specs, nil
}

// builderAt is what the builder image is made of with the scenario's axes at levels. What does not vary is the same at any point.
func (s *session) builderAt(levels []int) images.Spec {
	spec := s.lab.Specs()[0]
	spec.Picks = slices.Clone(spec.Picks)
	for i, a := range s.scenario.Axes {
		level := a.Levels[levels[i]]
		switch a.Kind {
		case scenarios.BaseAxis:
			spec.Base = level.Base
		case scenarios.ToolAxis:
			at := slices.IndexFunc(spec.Picks, func(p images.Pick) bool { return p.Tool == a.Name })
			spec.Picks[at] = images.Pick{Tool: a.Name, Version: level.Text, Absent: level.Null}
		}
	}
	return spec
}

// engineAt is what the dockerd beside the build runs from; false: there is none.
func (s *session) engineAt(levels []int) (images.Base, bool) {
	for i, a := range s.scenario.Axes {
		if a.Kind == scenarios.EngineAxis {
			return a.Levels[levels[i]].Base, true
		}
	}
	return s.scenario.Builder.EngineBase, s.scenario.Builder.Engine == scenarios.EngineDind
}

// specWords says what one builder image has, and the others may have otherwise.
func specWords(spec images.Spec) string {
	var words []string
	if spec.BaseVaries || len(spec.Picks) == 0 {
		words = append(words, "base "+spec.Base.String())
	}
	for _, p := range spec.Picks {
		if p.Absent {
			words = append(words, "no "+p.Tool)
		} else {
			words = append(words, p.Tool+" "+p.Version)
		}
	}
	return strings.Join(words, ", ")
}
