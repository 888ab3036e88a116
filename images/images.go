// Package images makes builder images: a base and one layer for each pinned tool, composed without running
// anything in them, so that the same parts give the same image id on any machine.
//
// Tools come from Go modules, built here with every checksum pinned, or from files whose digest the scenario
// gives; bases from a registry, by digest, or from Debian packages. What may be asked for is package
// catalogue's. All that was made is kept in a cache that several processes may share.
//
// A [Builder] (builder.go) puts an image together of a base (rootfs.go; debian.go and registry.go make it)
// and layers of tools (toollayer.go), each made in one of several ways (candidate.go; the ways are module.go,
// release.go, debtool.go, extract.go and file.go). links.go and placement.go say what lies where. toolset.go
// unpacks tools on this machine instead. bisect.lock is lock.go; lockcheck.go compares what is made with it,
// lockdiff.go two of them.
//
// Three things are outside of the promise. A tool built from a module depends on the Go version, which is
// part of an image's identity. A Debian base depends on the day its packages were fetched, which is not: see
// [Builder.Identity]. And only images for Linux on this machine's own processor are made.
package images

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one composed builder image. Its layers are read from the cache as they are asked for, and are
// uncompressed: what [v1.Layer] calls compressed is the plain tar, too.
type Image struct {
	v1.Image
	Name   string  // repository:tag, after its identity: a label for people; an engine knows it by its config digest
	Checks []Check // what its tools must print
}

// Check is a command to run in a fresh container of the image, and a text its output must contain. Where Want
// is empty, nothing is known of what the tool prints: it is only to be seen whether Command, which is then
// the tool's path alone, can be started at all.
type Check struct {
	Tool, Version string
	Command       []string
	Want          string
}
