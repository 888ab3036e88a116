package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"buildbisect/scenarios/document"
)

// Loosening is something that the scenario lets a build do beyond the default.
type Loosening struct {
	Key  string // the path of the key that does, such as builder.network
	What string // what it lets a build do, in words that follow the key
	Line int    // of the key in the scenario's file; 0 where there is none
}

// Loosened lists all that lets a build do more than the default, in the order of the builder's keys and the
// stages: what --untrusted refuses, and what plans and reports name.
func (s *Scenario) Loosened() []Loosening {
	b := s.Builder
	var list []Loosening
	add := func(key, format string, args ...any) {
		list = append(list, Loosening{key, fmt.Sprintf(format, args...), s.lines[key]})
	}
	switch b.Engine {
	case EngineHost:
		add("builder.engine", "host gives the build this machine's Docker engine: as good as root on it, and it can delete what is yours there")
	case EngineDind:
		key := "builder.engine"
		for i, a := range s.Axes {
			if a.Kind == EngineAxis && s.lines[key] == 0 {
				key = fmt.Sprintf("axes[%d].engine", i)
			}
		}
		add(key, "dind runs a Docker engine beside the build, with SYS_ADMIN, NET_ADMIN and other capabilities and without a filter of system calls: a hole in the kernel is less well covered")
	}
	if b.Network == "bridge" {
		add("builder.network", "bridge lets the build reach the network, services of this machine too; what it fetches may differ from trial to trial")
	}
	if len(b.Capabilities) > 0 {
		what := "gives root in the build " + strings.Join(b.Capabilities, ", ")
		var root []string
		for _, c := range b.Capabilities {
			if slices.Contains(asRoot, c) {
				root = append(root, c)
			}
		}
		if len(root) > 0 {
			what += "; " + strings.Join(root, ", ") + " can be as good as root on this machine"
		}
		add("builder.capabilities", "%s", what)
	}
	usual := DefaultResources()
	if b.Resources.PIDs > usual.PIDs {
		add("builder.resources.pids", "lets the build have %d processes instead of %d", b.Resources.PIDs, usual.PIDs)
	}
	for _, size := range []struct {
		key        string
		got, usual int64
		what       string
	}{
		{"disk", b.Resources.Disk, usual.Disk, "write"},
		{"log", b.Resources.Log, usual.Log, "print"},
		{"artifacts", b.Resources.Artifacts, usual.Artifacts, "leave as artifacts"},
	} {
		if size.got > size.usual {
			add("builder.resources."+size.key, "lets the build %s %s instead of %s", size.what, units.BytesSize(float64(size.got)), units.BytesSize(float64(size.usual)))
		}
	}
	if len(b.Secrets) > 0 {
		add("builder.secrets", "lets the build read %s: what it prints of them is hidden, but code that nobody has read may keep or send them",
			strings.Join(slices.Sorted(maps.Keys(b.Secrets)), ", "))
	}
	for i, stage := range s.Stages {
		if stage.Timeout > defaultStageTimeout {
			add(fmt.Sprintf("stages[%d].timeout", i), "lets stage %s run for %s instead of %s", stage.Name, stage.Timeout, defaultStageTimeout)
		}
	}
	return list
}

// remember notes the lines of keys, for Loosened.
func (s *Scenario) remember(places ...document.Place) {
	for _, p := range places {
		if p.Node == nil {
			continue
		}
		if s.lines == nil {
			s.lines = map[string]int{}
		}
		s.lines[p.Path] = p.Node.Line
	}
}

// What a scenario that nobody has read may ask for in numbers of builds: the defaults, or what is near them.
const (
	mostConfirm = 10
	mostRepeat  = defaultRepeat
	mostCertify = defaultCertifyProbes
)

// Refused lists all that --untrusted refuses, in the order of the file's keys: what [Scenario.Loosened] has,
// and what takes more of the machine that bisect runs on, though no build gets more. Files outside of the
// scenario's repository are not among it: with [OpenUntrusted] they are mistakes.
func (s *Scenario) Refused() []Loosening {
	list := s.Loosened()
	add := func(key, format string, args ...any) {
		list = append(list, Loosening{key, fmt.Sprintf(format, args...), s.lines[key]})
	}
	if s.Dir != "" { // what bisect itself ships was read
		for _, key := range s.compiled {
			add(key, "has this machine's Go compile code that nobody has read, with no limits on what that takes; name a release or a package")
		}
	}
	if s.Confirm > mostConfirm {
		add("confirm", "has each witness built %d times instead of at most %d", s.Confirm, mostConfirm)
	}
	if s.Repeat.Max > mostRepeat {
		add("repeat.max", "has one point built %d times instead of at most %d", s.Repeat.Max, mostRepeat)
	}
	if s.Certify.Probes > mostCertify {
		add("certify.probes", "takes %d builds to prove that there is no other cause instead of at most %d", s.Certify.Probes, mostCertify)
	}
	if s.Certify.Time > defaultCertifyTime {
		add("certify.time", "takes %s to prove that there is no other cause instead of at most %s", s.Certify.Time, defaultCertifyTime)
	}
	return list
}
