package scenarios

import "buildbisect/scenarios/document"

// grammar is the one list of keys, by kind of mapping. schema.json says the same to editors; a test compares
// them.
func grammar() map[string]document.Keys {
	all := map[string]document.Keys{
		"scenario": {
			Required: []string{"version", "name", "source", "stages"},
			Optional: []string{"about", "builder", "axes", "require", "prior", "artifacts", "verdict", "confirm", "confidence", "repeat", "certify", "expect"},
		},
		"source": {
			Required: []string{"bad"},
			Optional: []string{"good", "repo", "history", "first-parent", "paths", "git", "submodules"},
			Later:    []string{"overlay"},
		},
		"builder": {
			Optional: []string{"base", "tools", "engine", "network", "capabilities", "resources", "env", "secrets", "workdir"},
			Later:    []string{"images", "platform", "user", "cache"},
		},
		"base": {
			Optional: []string{"debian", "image"},
			Later:    []string{"dockerfile"},
		},
		"named-base": {
			Optional: []string{"name", "debian", "image"},
			Later:    []string{"dockerfile"},
		},
		"debian": {
			Required: []string{"suite"},
			Optional: []string{"snapshot", "packages"},
		},
		"engine": {
			Required: []string{"dind"},
		},
		"toolchain": {
			Optional: append(providerKeys(), "any", "dest", "tree", "program", "also", "check"),
		},
		"provider": {
			Optional: providerKeys(),
		},
		"check": {
			Optional: []string{"run", "want"},
		},
		"resources": {
			Optional: []string{"cpus", "memory", "pids", "disk", "log", "artifacts"},
		},
		"secret": {
			Optional: []string{"from-env", "from-file"},
		},
		"axis": {
			Optional: append(kindWords(), "levels", "debian", "snapshots"),
			Later:    []string{"unordered"},
		},
		"stage": {
			Required: []string{"name", "run"},
			Optional: []string{"timeout", "on-timeout", "on-oom"},
			Later:    []string{"stop-on"},
		},
		"verdict": {
			Optional: judgeKeys(),
			Later:    []string{"reproducible"},
		},
		"bad": {
			Optional: []string{"stage", "log", "exit"},
		},
		"prior": {
			Optional: []string{"paths", "commits", "size"},
		},
		"repeat": {
			Optional: []string{"max"},
		},
		"certify": {
			Optional: []string{"probes", "time"},
		},
		"expect": {
			Optional: []string{"causes", "repairs", "candidates"},
		},
	}
	for _, p := range providers {
		if p.mapping != "" {
			all[p.mapping] = p.keys
		}
	}
	return all
}
