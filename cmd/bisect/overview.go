package main

import (
	"fmt"
	"maps"
	"slices"

	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/runner/explain"
	"buildbisect/scenarios"
)

// note records in the report what its reader should know: what trials shared, and what stood between them and
// the machine.
func (s *job) note(run *runner.Run) {
	if s.scenario.Builder.Engine == scenarios.EngineHost {
		run.Note("the build had this machine's Docker engine, so trials shared its layer cache")
	}
	for _, note := range slices.Concat(s.notes, s.unseen) {
		run.Note(note)
	}
	for _, note := range s.backend.notes {
		run.Note(note)
	}
}

// made lists what the builder images were made of until now, and what of that is not pinned.
func (s *job) made() (parts []report.Part, notes []string) {
	used := s.images.Used()
	for _, b := range used.Bases {
		part := report.Part{Kind: "base", Name: b.Asked, From: b.Digest, Layers: b.Layers}
		if version, ok := s.engineOf(b.Asked); ok {
			part.Kind, part.Version = "engine", version
		}
		parts = append(parts, part)
	}
	for _, t := range used.Tools {
		parts = append(parts, report.Part{Kind: "tool", Name: t.Tool, Version: t.Version, Provider: t.Provider, From: t.From, Layers: []string{t.Layer}})
	}
	tags := s.images.Tags()
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		notes = append(notes, fmt.Sprintf("base image %s was %s; give it by that digest, or lock it, to build the same again", tag, tags[tag]))
	}
	return parts, append(notes, s.images.Drift()...)
}

// engineOf names the engine that runs from a base.
func (s *job) engineOf(asked string) (string, bool) {
	b := s.scenario.Builder
	if b.EngineVersion != "" && b.EngineBase.Asked() == asked {
		return b.EngineVersion, true
	}
	for _, a := range s.scenario.Axes {
		for _, level := range a.Levels {
			if a.Kind == scenarios.EngineAxis && level.Base.Asked() == asked {
				return level.Text, true
			}
		}
	}
	return "", false
}

// task is what is searched, for explaining it.
func (s *job) task() explain.Task {
	return explain.Task{Scenario: s.scenario, Space: s.space, Ladder: s.span != nil, Older: s.older}
}
