package main

import (
	"errors"
	"strings"
	"testing"

	"buildbisect/scenarios"
)

func TestWorkersTogetherCannotTakeTheMachineDown(t *testing.T) {
	const gb = 1 << 30
	for _, c := range []struct {
		name    string
		memory  int64
		engine  scenarios.Engine
		asked   int64
		workers int
		others  int
		want    share
		says    string
	}{
		{"one worker leaves a reserve", 20 * gb, scenarios.EngineNone, 0, 1, 0, share{workers: 1, cpus: 3, memory: 18 * gb}, ""},
		{"several share what is left", 20 * gb, scenarios.EngineNone, 0, 4, 0, share{workers: 4, cpus: 0.75, memory: 18 * gb / 4}, ""},
		{"an engine beside each build counts", 20 * gb, scenarios.EngineDind, 0, 2, 0, share{workers: 2, cpus: 1.5, memory: 18 * gb / 4}, ""},
		{"a small machine keeps half a gigabyte", 4 * gb, scenarios.EngineNone, 0, 1, 0, share{workers: 1, cpus: 3, memory: 4*gb - 512<<20}, ""},
		{"a tiny one a quarter", 1 * gb, scenarios.EngineNone, 0, 1, 0, share{workers: 1, cpus: 3, memory: gb - gb/4}, ""},
		{"nobody knows what there is", 0, scenarios.EngineNone, 0, 3, 0, share{workers: 3, cpus: 1}, ""},
		{"others have as much", 20 * gb, scenarios.EngineNone, 0, 2, 2, share{workers: 2, cpus: 1.5, memory: 18 * gb / 6}, ""},
		{"what is asked for does not fit beside another", 20 * gb, scenarios.EngineNone, 9 * gb, 2, 1, share{workers: 2, cpus: 1.5}, "2 × 9GiB is more than the 9GiB"},
		{"what is asked for fits", 20 * gb, scenarios.EngineNone, 9 * gb, 2, 0, share{workers: 2, cpus: 1.5}, ""},
		{"what is asked for does not fit", 20 * gb, scenarios.EngineNone, 9*gb + 1, 2, 0, share{workers: 2, cpus: 1.5}, "2 × 9GiB is more than the 18GiB"},
		{"the machine's own engine serves one at a time", 20 * gb, scenarios.EngineHost, 0, 3, 0, share{workers: 1, cpus: 3, memory: 18 * gb}, "one at a time"},
	} {
		b := scenarios.Builder{Engine: c.engine, Resources: scenarios.Resources{Memory: c.asked}}
		got, err := shareOut(3, c.memory, b, c.workers, c.others)
		if said := got.warning + got.excess; err != nil || !strings.Contains(said, c.says) || (said == "") != (c.says == "") {
			t.Errorf("%s: %q, %v", c.name, said, err)
		}
		if got.warning, got.excess = "", ""; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestProcessorsAreSharedWhereTheScenarioDoesNotSay(t *testing.T) {
	for _, c := range []struct {
		name    string
		has     int
		asked   float64
		workers int
		want    float64
		says    string
	}{
		{"alone", 8, 0, 1, 8, ""},
		{"not to the last digit", 8, 0, 3, 2.66, ""},
		{"less than one each", 2, 0, 4, 0.5, ""},
		{"as asked for", 8, 6, 4, 0, ""},
		{"more than there are", 8, 9.5, 1, 0, "cpus: 9.5 are more than the 8 that the engine has"},
		{"nobody knows how many there are", 0, 4, 1, 0, ""},
	} {
		b := scenarios.Builder{Engine: scenarios.EngineNone, Resources: scenarios.Resources{CPUs: c.asked}}
		got, err := shareOut(c.has, 0, b, c.workers, 0)
		if err != nil || got.cpus != c.want || !strings.Contains(got.warning, c.says) || (got.warning == "") != (c.says == "") {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestMoreWorkersThanProcessorsCanServeAreRefused(t *testing.T) {
	b := scenarios.Builder{Engine: scenarios.EngineNone}
	if _, err := shareOut(2, 1<<30, b, 8, 0); err != nil {
		t.Error(err)
	}
	_, err := shareOut(2, 1<<30, b, 9, 0)
	if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), "-j 9: the engine has 2 CPUs; want at most 8") {
		t.Errorf("%v", err)
	}
}
