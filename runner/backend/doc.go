// Package backend says what a back end is: what runs boxes, such as a Docker engine or this machine itself.
//
// contract.go has the interfaces. A back end implements [Backend] and [Box]; whatever else it can do, such as
// sharing files between boxes or giving files back, it says by implementing a further interface of that file.
// Nothing here assumes that a back end is on this machine. Package runnertest has the contract as tests,
// which every back end passes.
//
// To add a back end, write a package of its own and name it in the list of back ends in cmd/bisect.
package backend
