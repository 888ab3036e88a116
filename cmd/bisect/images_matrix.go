package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"buildbisect/images/catalogue"
	"buildbisect/runner/space"
)

// wanted is what to make, and the builder images to push.
func (s *job) wanted(ctx context.Context, o imagesBuildOptions) (parts, builders []catalogue.Spec, err error) {
	if len(o.at) > 0 {
		if slices.ContainsFunc(o.at, func(at string) bool { return at == "commit" || strings.HasPrefix(at, "commit=") }) {
			return nil, nil, usageError{"--at commit: builder images are the same for all commits; name the other axes"}
		}
		point, err := s.pointAt(o.at)
		if err != nil {
			return nil, nil, err
		}
		parts = s.lab.SpecsAt(point)
		builders = parts[:1]
	} else {
		parts = s.lab.Specs()
	}
	if o.push == "" {
		return parts, nil, nil
	}
	if len(o.at) == 0 {
		if builders, err = s.matrix(ctx); err != nil {
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
func (s *job) matrix(ctx context.Context) ([]catalogue.Spec, error) {
	all, ok := space.Combinations(s.scenario.Axes)
	if !ok {
		return nil, usageError{fmt.Sprintf("--push: more than %d combinations of levels; choose one with --at", space.MostCombinations)}
	}
	var specs []catalogue.Spec
	seen := map[string]bool{}
	point := s.space.Bad()
	for levels := range all {
		copy(point[1:], levels)
		if !s.lab.Exists(point) {
			continue
		}
		spec := s.lab.SpecsAt(point)[0]
		identity, err := s.images.Identity(ctx, spec)
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

// specWords says what one builder image has, and the others may have otherwise.
func specWords(spec catalogue.Spec) string {
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
