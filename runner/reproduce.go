package runner

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"buildbisect/bisect"
	"buildbisect/scenarios"
)

// reproduce gives command lines that show a cause by hand: bisect's own, and one with nothing but git and docker.
func (r *Run) reproduce(c bisect.Cause) []string {
	space, s := r.Lab.Space, r.Lab.Scenario
	probe := []string{"bisect", "probe", quote(s.File)}
	for axis, level := range c.Point {
		at := space.Key(axis)
		if name := space.Level(axis, level); name != nil {
			at += "=" + *name
		}
		probe = append(probe, "--at", quote(at))
	}
	if _, ok := r.Lab.Engine.(Machine); ok {
		return []string{strings.Join(append(probe, "--runner local"), " ")} // there is no image that another could run
	}
	lines := []string{strings.Join(probe, " ")}
	if s.Source.Git || s.Source.Submodules {
		return lines // git archive knows neither
	}
	b := s.Builder
	if _, ok := space.engine(b, c.Point); ok {
		return lines // an engine beside the build is more than a line
	}
	run := []string{"git", "-C", quote(space.History.Path), "archive", space.History.Commits[c.Point[0]].ID, "|", "docker run --rm -i", "--network", b.Network, "-w", quote(b.Workdir)}
	if b.Engine == scenarios.EngineHost {
		run = append(run, "-v /var/run/docker.sock:/var/run/docker.sock")
	}
	if cpus := b.Resources.CPUs; cpus > 0 {
		run = append(run, "--cpus", strconv.FormatFloat(cpus, 'g', -1, 64))
	}
	if memory := b.Resources.Memory; memory > 0 { // a share of this engine's means nothing elsewhere
		run = append(run, fmt.Sprintf("--memory %d --memory-swap %[1]d", memory))
	}
	if pids := b.Resources.PIDs; pids > 0 {
		run = append(run, fmt.Sprintf("--pids-limit %d", pids))
	}
	run = append(run, "--security-opt no-new-privileges --cap-drop ALL")
	for _, name := range append(scenarios.DefaultCapabilities(), b.Capabilities...) {
		run = append(run, "--cap-add", name)
	}
	script := ""
	for _, e := range append(space.env(b, c.Point), "BISECT_TRIAL=by-hand") {
		if strings.Contains(e, "=") {
			run = append(run, "-e", quote(e))
		} else {
			script += "unset " + e + "; "
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Secrets)) {
		run = append(run, "-e", name) // its value is the reader's own
	}
	script += "tar -x"
	for _, stage := range s.Stages[:s.Verdict.Stage+1] {
		script += "; sh -ec " + quote(strings.TrimSpace(space.prelude(c.Point)+stage.Run)) // each in a shell of its own
	}
	run = append(run, r.built[c.Bad[0]].Image, "sh -ec", quote(script))
	return append(lines, strings.Join(run, " "))
}

// quote quotes a word for a POSIX shell.
func quote(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r))
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
