package report

import (
	"maps"
	"sort"
	"strings"
)

// Point names a level on each axis by the axis's key; nil is the null level.
type Point map[string]*string

// String lists the point's levels, the commit first, the others by key.
func (p Point) String() string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if (keys[i] == "commit") != (keys[j] == "commit") {
			return keys[i] == "commit"
		}
		return keys[i] < keys[j]
	})
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = Level(k, p[k])
	}
	return strings.Join(parts, ", ")
}

func (p Point) equal(q Point) bool { return maps.EqualFunc(p, q, sameLevel) }

// without is p on all axes but one.
func (p Point) without(axis string) Point {
	rest := maps.Clone(p)
	delete(rest, axis)
	return rest
}

// beside is p on the axes where it differs from q.
func (p Point) beside(q Point) Point {
	differs := Point{}
	for axis, level := range p {
		if other, ok := q[axis]; !ok || !sameLevel(level, other) {
			differs[axis] = level
		}
	}
	return differs
}

func sameLevel(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// Level says an axis's level in words: "docker 19.03.13", "no buildx", "NAME=value", "NAME unset", "umask
// 0077", "locale not set", "commit 1a2b3c4d5e".
func Level(axis string, level *string) string {
	name, isEnv := strings.CutPrefix(axis, "env.")
	name, varies := strings.CutPrefix(name, "vary.")
	switch {
	case isEnv && level == nil:
		return name + " unset"
	case isEnv:
		return name + "=" + *level
	case varies && level == nil:
		return name + " not set"
	case level == nil:
		return "no " + name
	case axis == "commit":
		return "commit " + Short(*level)
	}
	return name + " " + *level
}

// Short abbreviates a commit id.
func Short(id string) string { return id[:min(len(id), 10)] }
