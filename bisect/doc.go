// Package bisect finds the smallest combinations of changes that break a build, and proves each change in
// them necessary.
//
// A build's state is a [Point]: one level on each axis of a [Space], where an axis is the commit, a tool's
// version, a variable, the base image. Levels of an axis run from good to bad, in a line or in a directed
// acyclic graph (commits, by ancestry). The package assumes that moving any axis toward bad never repairs the
// build. The failing points then are an up-set, and the causes are its minimal elements: minimal
// failure-causing schemata in combinatorial testing, 1-minimal differences in delta debugging (Zeller and
// Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002).
//
// A [Search] hands out [Question]s and is told [Trial]s; it never runs anything itself. What it asks is a
// function of what it handed out and was told, in that order: feeding a new search the same calls brings it
// to the same state, which is how a run is resumed. Everything it claims names the trials that witness it.
//
// # The order of a search
//
// Both ends come first ([Endpoint]). A descent then keeps a failing point and asks below it: which axes
// matter, by group testing; which of their levels; which commit, by the exact midpoint of the graph (package
// order). A cause is confirmed before it is reported. The certificate looks for others: it asks the maximal
// points that contain no cause found so far.
//
// Levels that cannot be judged are moved away from, and named where they keep a cause from being told apart;
// before that, and where they are an end, a witness or in the certificate, they are built again, for the
// fault may pass. How often depends on whether such faults were seen to pass. Points that cannot exist are
// never asked.
//
// Several workers each get the question that tells most given what is in flight: on one axis the levels in
// flight divide what is left; beyond that verdicts are imagined, the likeliest first. Where all is
// deterministic, monotone, free of skips and complete, the causes are the same for any number of workers.
//
// # When the assumptions fail
//
// A good build above a bad one is repeated, and so is the bad one. If both stand, the order does not hold
// along the axes between them: the search then wants every neighbour of a cause built itself, looks for where
// the failure is repaired and where it comes back, and claims no completeness.
//
// A build that contradicts itself is noise. From then on a posterior over the minimal failing point, and over
// "nothing changed, a flake", is kept, with the two rates of misreading integrated out; each question is the
// one whose answer tells most (Horstein, Sequential Transmission Using Noiseless Feedback, 1963; Burnashev
// and Zigangirov, An Interval Estimation Problem for Controlled Observations, 1974). A skip is an erasure: it
// says nothing of good or bad, and of its point only how likely that can be judged at all.
//
// A comment such as //mutate:beside marks a line for mutation_test.go: there a test plants a bug in that line,
// and other tests must notice.
//
// The package is pure: no I/O, no clock, no Docker, no git, nothing but the standard library.
package bisect
