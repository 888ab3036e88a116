package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner"
	"buildbisect/scenarios"
)

// overview says in a line what is searched.
func (s *job) overview() string {
	commits := s.space.History.Commits
	first, last := report.Short(commits[0].ID), report.Short(commits[len(commits)-1].ID)
	if s.scenario.Source.Repo != "" { // which may be a folder of it: the whole tree is built
		last += " of " + s.space.History.Path
	}
	text := fmt.Sprintf("%s: %s from %s to %s", s.scenario.Name, english.Plural(s.suspects(), "commit", ""), first, last)
	switch {
	case s.span != nil:
		text = fmt.Sprintf("%s: a good commit among the %d before %s, then what broke the build after it", s.scenario.Name, s.suspects(), last)
	case s.space.History.Repair:
		text = fmt.Sprintf("%s: what repaired the build, in %s from %s to %s", s.scenario.Name, english.Plural(s.suspects(), "commit", ""), first, last)
	}
	for _, a := range s.scenario.Axes {
		text += fmt.Sprintf(" × %d %s", len(a.Levels), a.Key())
	}
	return text
}

// suspects is the number of commits that may be what is looked for.
func (s *job) suspects() int {
	if s.span != nil {
		return s.older
	}
	n := 0
	for _, side := range s.space.History.Sides[1:] {
		if side != bisect.Before {
			n++
		}
	}
	return n
}

// assumes says what the search takes for granted beside monotony.
func (s *job) assumes() []string {
	var list []string
	if s.scenario.Source.FirstParent {
		list = append(list, "only the first parents of merges matter: each merge is one change (source.first-parent)")
	}
	if paths := s.scenario.Source.Paths; len(paths) > 0 {
		list = append(list, fmt.Sprintf("only commits that touch %s matter (source.paths)", strings.Join(paths, ", ")))
	}
	return list
}

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
