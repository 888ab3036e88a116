// Package explain says what a run has found: as sentences for people, as a report and as scripts that build a
// trial again.
//
// All of it is a function of one value, the [Evidence]. To change what is said of a cause, see words.go; of a
// run without one, summary.go; of a search before it, plan.go; of ends that are not what they were taken for,
// bracket.go; the purpose of a trial, questions.go; the whole report, findings.go.
package explain
