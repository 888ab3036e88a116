// Package runner answers the questions of a search by building one commit under one set of tools.
//
// A [Lab] turns a point into a trial: it has the builder image composed, starts a fresh box of it, streams the commit's tree
// in, runs the stages and judges what they said. A [Run] carries a search from its first question to its report, with as many
// builds at a time as it is allowed, and writes down every trial before and after it happens.
//
// What the build does is a verdict; what the engine, the network or the disk does is an error and never a verdict. Nothing
// here assumes that the engine is on this machine: source goes in as a stream, logs come back as one.
package runner
