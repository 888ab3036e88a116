package main

import (
	"fmt"

	"buildbisect/runner/docker"
	"buildbisect/scenarios"

	"github.com/docker/go-units"
)

// mostPerCPU is how many builds at a time make sense for each processor: beyond, they only wait for each other, and run into
// their timeouts.
const mostPerCPU = 4

// share is what each of several builds gets of an engine.
type share struct {
	workers int
	memory  int64  // bytes for a box where the scenario does not say; 0: no limit
	warning string // "": all is well
	excess  string // where the scenario asks for more memory than there is, in words
}

// shareEngine settles how many workers there are, and gives each its share of the engine's memory, so that all of them together
// cannot take the machine down. What the scenario itself asks for, it gets, unless the build is not trusted.
func (s *session) shareEngine(workers int, untrusted bool) (int, error) {
	if s.engine == nil {
		return workers, nil
	}
	got, err := shareOut(s.engine.Info(), s.scenario.Builder, workers)
	switch {
	case err != nil:
		return 0, err
	case got.excess != "" && untrusted:
		return 0, usageError{"--untrusted: " + got.excess + "; ask for less, or leave memory out for a fair share"}
	case got.excess != "":
		s.progress.warn(got.excess + ": builds that use it up can take the machine down")
	}
	if got.warning != "" {
		s.progress.warn(got.warning)
	}
	s.lab.Memory = got.memory
	if got.workers > 1 && got.memory > 0 {
		s.progress.line(fmt.Sprintf("%d builds at a time, each with up to %s of memory", got.workers, units.BytesSize(float64(got.memory))))
	}
	return got.workers, nil
}

func shareOut(info docker.Info, b scenarios.Builder, workers int) (share, error) {
	if most := mostPerCPU * info.CPUs; info.CPUs > 0 && workers > most {
		return share{}, usageError{fmt.Sprintf("-j %d: the engine has %d CPUs; want at most %d: more builds at a time only slow each other down, and run into their timeouts",
			workers, info.CPUs, most)}
	}
	got := share{workers: workers}
	if workers > 1 && b.Engine == scenarios.EngineHost {
		got.warning = fmt.Sprintf("-j %d: with engine: host builds share one Docker engine and its cache, so they run one at a time", workers)
		got.workers = 1
	}
	boxes := int64(got.workers)
	if b.Engine == scenarios.EngineDind {
		boxes *= 2 // the build's and its engine's
	}
	usable := info.Memory - reserve(info.Memory)
	asked := b.Resources.Memory
	switch {
	case asked == 0:
		got.memory = usable / boxes
	case usable > 0 && asked > usable/boxes:
		got.excess = fmt.Sprintf("builder.resources.memory: %d × %s is more than the %s that the engine can spare", boxes, units.BytesSize(float64(asked)), units.BytesSize(float64(usable)))
	}
	return got, nil
}

// reserve is what of an engine's memory builds never get: a tenth, and half a gigabyte where that is no more than a quarter. The
// engine and bisect itself live on it.
func reserve(memory int64) int64 { return max(memory/10, min(512<<20, memory/4)) }
