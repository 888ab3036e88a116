package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/docker/go-units"
	"github.com/dustin/go-humanize/english"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// mostPerCPU is how many builds at a time make sense for each processor: beyond, they only wait for each
// other, and run into their timeouts.
const mostPerCPU = 4

// share is what each of several builds gets of an engine.
type share struct {
	workers int
	cpus    float64 // for a box where the scenario does not say; 0: no limit
	memory  int64   // bytes, likewise
	warning string  // "": all is well
	excess  string  // where the scenario asks for more memory than there is, in words
}

// shareBackend settles how many workers there are, and gives each its share of the engine's processors and
// memory, so that none is in another's way, and all of them together cannot take the machine down. What the
// scenario itself asks for, it gets, unless the build is not trusted.
func (s *job) shareBackend(workers int, untrusted bool) (int, error) {
	shared, ok := backend.As[backend.Capacity](s.lab.Backend)
	if !ok {
		return workers, nil
	}
	cpus, memory := shared.Capacity()
	got, err := shareOut(cpus, memory, s.scenario.Builder, workers, s.others)
	switch {
	case err != nil:
		return 0, err
	case got.excess != "" && untrusted:
		return 0, usageError{"--untrusted: " + got.excess + "; ask for less, or leave memory out for a fair share"}
	case got.excess != "":
		s.progress.Warn(got.excess + ": builds that use it up can take the machine down")
	}
	if got.warning != "" {
		s.progress.Warn(got.warning)
	}
	s.lab.CPUs, s.lab.Memory = got.cpus, got.memory
	if text := got.String(); (got.workers > 1 || s.others > 0) && text != "" {
		beside := ""
		if s.others > 0 {
			beside = ", beside " + english.Plural(s.others, "other bisect", "") + " at work with this engine"
		}
		s.progress.Line(fmt.Sprintf("%s at a time, each with up to %s%s", english.Plural(got.workers, "build", ""), text, beside))
	}
	return got.workers, nil
}

// shareOut reckons with other sessions at work with the same engine as if they had as much of its memory
// each.
func shareOut(cpus int, memory int64, b scenarios.Builder, workers, others int) (share, error) {
	if most := mostPerCPU * cpus; cpus > 0 && workers > most {
		return share{}, usageError{fmt.Sprintf("-j %d: the engine has %d CPUs; want at most %d: more builds at a time only slow each other down, and run into their timeouts",
			workers, cpus, most)}
	}
	got := share{workers: workers}
	asked := b.Resources
	var warnings []string
	if asked.CPUs > float64(cpus) && cpus > 0 {
		warnings = append(warnings, fmt.Sprintf("builder.resources.cpus: %v are more than the %d that the engine has: builds get those", asked.CPUs, cpus))
	}
	if workers > 1 && b.Engine == scenarios.EngineHost {
		warnings = append(warnings, fmt.Sprintf("-j %d: with engine: host builds share one Docker engine and its cache, so they run one at a time", workers))
		got.workers = 1
	}
	got.warning = strings.Join(warnings, "; ")
	if asked.CPUs == 0 {
		// An engine beside the build works mostly while that waits for it: both have the whole share.
		got.cpus = math.Floor(100*float64(cpus)/float64(got.workers)) / 100
	}
	boxes := int64(got.workers)
	if b.Engine == scenarios.EngineDind {
		boxes *= 2 // the build's and its engine's
	}
	usable := (memory - reserve(memory)) / int64(1+others)
	switch {
	case asked.Memory == 0:
		got.memory = usable / boxes
	case usable > 0 && asked.Memory > usable/boxes:
		got.excess = fmt.Sprintf("builder.resources.memory: %d × %s is more than the %s that the engine can spare", boxes, units.BytesSize(float64(asked.Memory)), units.BytesSize(float64(usable)))
	}
	return got, nil
}

// String is what each build may use.
func (s share) String() string {
	var parts []string
	switch {
	case s.cpus == 1:
		parts = append(parts, "1 CPU")
	case s.cpus > 0:
		parts = append(parts, fmt.Sprintf("%v CPUs", s.cpus))
	}
	if s.memory > 0 {
		parts = append(parts, units.BytesSize(float64(s.memory))+" of memory")
	}
	return english.WordSeries(parts, "and")
}

// reserve is what of an engine's memory builds never get: a tenth, and half a gigabyte where that is no more
// than a quarter. The engine and bisect itself live on it.
func reserve(memory int64) int64 { return max(memory/10, min(512<<20, memory/4)) }
