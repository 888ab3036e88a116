// Package retry builds a trial again that its back end failed: an infrastructure failure is never a verdict.
// One that passes must not end a night's run, and one that stays must not be tried all night.
//
// A call that builds a trial comes in, and the trial goes out, or the error that stops the run. What is tried
// again is the whole trial: what a box had done is lost with it. To change how often, and what convicts a
// build, see retry.go; how several workers count one outage once, see breaker.go.
package retry
