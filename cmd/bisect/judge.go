package main

// life is whether the session lives that something belongs to. Only of the dead anything is removed.
type life int

const (
	unknown life = iota // not to be told from here: of another machine, or of a container that is none of ours
	alive
	dead
)

func (l life) String() string { return [...]string{"unknown", "alive", "dead"}[l] }

// evidence is what there is to judge by.
type evidence struct {
	owner, here owner
	lease       leaseState
	process     process // of the owner's id; counts only where ids mean the same there and here
}

// initialPIDs is the namespace of process ids in which a Linux machine starts; it is the same number on all.
const initialPIDs = "pid:[4026531836]"

// judge weighs it. Anything that says alive settles it: what is left for too long costs a little disk, what is removed too
// early costs somebody's build.
//
// A free lease, or a process that is not there, proves death only of what runs under this very kernel: another machine that
// shares our file system may not share its locks, and process ids are those of a namespace. Containers of one machine are under one
// kernel. A system that does not tell its boot (macOS) is known by its name alone.
func (e evidence) judge() life {
	var (
		told       = e.owner.Boot != "" && e.here.Boot != ""
		sameKernel = told && e.owner.Boot == e.here.Boot
		sameIDs    = sameKernel && e.owner.PIDs != "" && e.owner.PIDs == e.here.PIDs
		sameHost   = e.owner.Host != "" && e.owner.Host == e.here.Host
		// Machines made from one image may share their id, so that the name is asked for too. Containers of one image and one name
		// share both, on machines that have nothing to do with each other: only what is in none can tell.
		rebooted = e.owner.PIDs == initialPIDs && e.here.PIDs == initialPIDs &&
			told && !sameKernel && sameHost && e.owner.Machine != "" && e.owner.Machine == e.here.Machine
		untold = e.owner.Boot == "" && e.here.Boot == "" && sameHost
	)
	switch {
	case e.owner.Session != "" && e.owner.Session == e.here.Session:
		return alive // our own
	case e.lease == leaseHeld:
		return alive
	case sameIDs && e.process == processRuns:
		return alive
	case rebooted:
		return dead
	case e.lease == leaseFree && (sameKernel || untold):
		return dead
	case sameIDs && e.process == processGone:
		return dead
	}
	return unknown
}
