package scenarios

import (
	"slices"

	"github.com/xrash/smetrics"
)

// keys are the keys of one kind of mapping: those that must stand there, those that may, and those of the
// scenario format that this version does not serve. The last are refused by name, so that nobody looks for a
// spelling mistake.
type keys struct {
	required, optional, later []string
}

func (k keys) served() []string { return append(slices.Clone(k.required), k.optional...) }

// grammar is the one list of keys, by kind of mapping. schema.json says the same to editors; a test compares
// them.
func grammar() map[string]keys {
	return map[string]keys{
		"scenario": {
			required: []string{"version", "name", "source", "stages"},
			optional: []string{"about", "builder", "axes", "require", "prior", "artifacts", "verdict", "confirm", "confidence", "repeat", "certify", "expect"},
		},
		"source": {
			required: []string{"bad"},
			optional: []string{"good", "repo", "history", "first-parent", "paths", "git", "submodules"},
			later:    []string{"overlay"},
		},
		"builder": {
			optional: []string{"base", "tools", "engine", "network", "capabilities", "resources", "env", "secrets", "workdir"},
			later:    []string{"images", "platform", "user", "cache"},
		},
		"base": {
			optional: []string{"debian", "image"},
			later:    []string{"dockerfile"},
		},
		"named-base": {
			optional: []string{"name", "debian", "image"},
			later:    []string{"dockerfile"},
		},
		"debian": {
			required: []string{"suite"},
			optional: []string{"snapshot", "packages"},
		},
		"engine": {
			required: []string{"dind"},
		},
		"toolchain": {
			optional: append(providerKeys(), "any", "dest", "tree", "program", "also", "check"),
		},
		"provider": {
			optional: providerKeys(),
		},
		"release": {
			required: []string{"sha256"},
			optional: []string{"url", "member"},
		},
		"module": {
			optional: []string{"package", "pin", "ldflags", "gcflags", "path", "version", "sum"},
		},
		"package": {
			required: []string{"suite", "package", "program"},
			optional: []string{"snapshot"},
		},
		"extract": {
			required: []string{"ref", "path"},
		},
		"check": {
			optional: []string{"run", "want"},
		},
		"resources": {
			optional: []string{"cpus", "memory", "pids", "disk", "log", "artifacts"},
		},
		"secret": {
			optional: []string{"from-env", "from-file"},
		},
		"axis": {
			optional: append(kindWords(), "levels", "debian", "snapshots"),
			later:    []string{"unordered"},
		},
		"stage": {
			required: []string{"name", "run"},
			optional: []string{"timeout", "on-timeout", "on-oom"},
			later:    []string{"stop-on"},
		},
		"verdict": {
			optional: judgeKeys(),
			later:    []string{"reproducible"},
		},
		"bad": {
			optional: []string{"stage", "log", "exit"},
		},
		"prior": {
			optional: []string{"paths", "commits", "size"},
		},
		"repeat": {
			optional: []string{"max"},
		},
		"certify": {
			optional: []string{"probes", "time"},
		},
		"expect": {
			optional: []string{"causes", "repairs", "candidates"},
		},
	}
}

// providerKeys say where a version of a tool is had from. sha256 is that of a file.
func providerKeys() []string {
	return []string{"file", "sha256", "release", "module", "debian", "image"}
}

// nearest returns the word of have that s was probably meant to be, or "".
func nearest(s string, have []string) string { return near(s, have, min(2, len(s)/2)) }

// near is nearest, but for how many letters may be wrong.
func near(s string, have []string, changes int) string {
	best, distance := "", changes+1
	for _, word := range have {
		if len(s) > len(word)+distance || len(word) > len(s)+distance {
			continue // also keeps a word of a hundred thousand letters from being compared
		}
		if n := smetrics.WagnerFischer(s, word, 1, 1, 1); n < distance {
			best, distance = word, n
		}
	}
	return best
}
