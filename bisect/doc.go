// Package bisect finds the smallest combinations of changes that break a build, and proves each change in them necessary.
//
// A build's state is a [Point]: one level on each axis of a [Space], where an axis is the commit, a tool's version, a variable,
// the base image. Levels of an axis run from good to bad, in a line or in a directed acyclic graph (commits, by ancestry).
// The package assumes that moving any axis toward bad never repairs the build. The failing points then are an up-set, and the
// causes are its minimal elements: minimal failure-causing schemata in combinatorial testing, 1-minimal differences in delta
// debugging (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002).
//
// A [Search] is asked for the next [Question] and told each [Trial]; it never runs anything itself. What it asks is a function
// of what it was told, in that order: feeding recorded trials to a new search brings it to the same state, which is how a run
// is resumed. Everything it claims names the trials that witness it.
//
// The package is pure: no I/O, no clock, no Docker, no git, nothing but the standard library.
//
// Its limits, for now: one question at a time, no noise model (a build that contradicts itself ends the search as
// [Inconsistent]), and skips are walked around one by one.
package bisect
