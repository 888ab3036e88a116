// Package session says which processes of bisect live, and what dead ones left.
//
// An [Owner] is a process, as labels on resources and its lease name it (owner.go). A [Lease] is a locked
// file that the kernel frees when the process dies (lease.go). Signs of life are weighed in liveness.go. A
// [Sweeper] finds what the dead left in a back end, and removes it (leftovers.go).
package session
