package session

// liveness of the session that owns a resource. Only what belongs to the dead is removed.
type liveness int

const (
	unknown liveness = iota // it cannot be told from here: of another machine, or of a container that is none of ours
	alive
	dead
)

func (l liveness) String() string { return [...]string{"unknown", "alive", "dead"}[l] }

// signs of life, or of death.
type signs struct {
	owner, here Owner
	lease       leaseState
	process     processState // of the owner's id; counts only where ids mean the same there and here
}

// initialPIDs is the namespace of process ids in which a Linux machine starts; it is the same number on all.
const initialPIDs = "pid:[4026531836]"

// classify reads the signs. Any sign of life wins: a leak costs a little disk, a wrong removal costs
// somebody's build.
//
// A free lease, or a process that is not there, proves death only of what runs under this very kernel:
// another machine that shares our file system may not share its locks, and process ids are those of a
// namespace. Containers of one machine are under one kernel. A system that does not tell its boot (macOS) is
// known by its name alone.
func (s signs) classify() liveness {
	var (
		told       = s.owner.Boot != "" && s.here.Boot != ""
		sameKernel = told && s.owner.Boot == s.here.Boot
		sameIDs    = sameKernel && s.owner.PIDs != "" && s.owner.PIDs == s.here.PIDs
		sameHost   = s.owner.Host != "" && s.owner.Host == s.here.Host
		// Machines made from one image may share their id, so that the name is asked for too. Containers of
		// one image and one name share both, on machines that have nothing to do with each other: only what
		// is in none can tell.
		rebooted = s.owner.PIDs == initialPIDs && s.here.PIDs == initialPIDs &&
			told && !sameKernel && sameHost && s.owner.Machine != "" && s.owner.Machine == s.here.Machine
		untold = s.owner.Boot == "" && s.here.Boot == "" && sameHost
	)
	switch {
	case s.owner.Session != "" && s.owner.Session == s.here.Session:
		return alive // our own
	case s.lease == leaseHeld:
		return alive
	case sameIDs && s.process == processRuns:
		return alive
	case rebooted:
		return dead
	case s.lease == leaseFree && (sameKernel || untold):
		return dead
	case sameIDs && s.process == processGone:
		return dead
	}
	return unknown
}
