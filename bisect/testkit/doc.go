// Package testkit holds what the tests of the search and of its orders share. A number of commits and a
// source of random numbers come in; a history goes out, as the parents of each commit. Only tests import it.
//
//	histories.go  histories of all shapes: lines, pull requests, merges between branches, anything at all
//	git.go        a history as a repository, and what git says of it
//	measure.go    how long a piece of code takes
//	soaking.go    whether tests should take their time
package testkit
