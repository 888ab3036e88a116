// Package runner carries a search from its first question to its report.
//
// A [Run] asks the search what to build, has a lab build it, writes every trial down before and after it
// happens, and tells the search. Data goes one way, and each step is a package of its own:
//
//	space    the points that can be built, and their names
//	backend  what runs boxes, as an interface that each back end implements
//	redact   secrets, hidden in what builds print
//	lab      one point in, one judged trial out
//	retry    a trial that the back end failed, built again
//	journal  what was asked for and built, kept in the folder of the run; it answers again after a crash
//	explain  what was found, in words and as a report
//
// What a build does is a verdict; what the back end, the network or the disk does is an error and never a
// verdict. To change how often a failing back end is asked again, see package retry; what happens while
// trials are built, loop.go; the search for a good commit, climb.go.
package runner
