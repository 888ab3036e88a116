// Package lab builds one point and judges what came of it.
//
// A [Lab] has the builder image composed and loaded (load.go), starts a fresh box, streams the commit's tree
// in (lab.go, borrow.go), runs the stages (stages.go), reads what they print (output.go), judges (verdict.go)
// and keeps the artifacts (artifacts.go). What it may use of a commit and of images, it says in sources.go.
package lab
