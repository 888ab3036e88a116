package backend

import "context"

// A Resource is something that lies in a back end.
type Resource struct {
	Kind   string            `json:"kind"`
	Name   string            `json:"name"`         // of an image: a reference
	ID     string            `json:"id,omitempty"` // of a container or network
	Labels map[string]string `json:"-"`
}

func (r Resource) String() string { return r.Kind + " " + r.Name }

// Kinds of resources, in the order in which they are removed: what is used after what uses it.
const (
	KindContainer = "container"
	KindNetwork   = "network"
	KindVolume    = "volume"
	KindImage     = "image"
)

// Kinds are all of them, in that order.
var Kinds = []string{KindContainer, KindNetwork, KindVolume, KindImage}

// Labels that say whose a resource is.
const (
	LabelOwner = "org.buildbisect"     // "1": bisect's
	LabelRun   = "org.buildbisect.run" // the mark of the run
	// LabelSession is the session of the run. What another one left, or uses, is not ours to remove.
	LabelSession = "org.buildbisect.session"
)

// A Reaper is a [Backend] in which things outlive the process that made them, so that somebody has to remove
// what a killed one left.
type Reaper interface {
	// ID names this installation, unlike any other.
	ID() string
	// Own puts labels on all that is made from now on, of which LabelRun and LabelSession say whose it is.
	Own(labels map[string]string)
	// Owned lists what carries LabelOwner, whoever's it is.
	Owned(ctx context.Context) ([]Resource, error)
	// Named lists what else has one of marks in its name, as builds name what they make by their
	// $BISECT_TRIAL.
	Named(ctx context.Context, marks ...string) ([]Resource, error)
	// UnusedBuilders lists builder images that nothing uses.
	UnusedBuilders(ctx context.Context) ([]Resource, error)
	// Remove removes what is not used by others, and lists that.
	Remove(ctx context.Context, all []Resource) (removed []Resource, err error)
	// Sweep removes all that run has left, of the session of Own's labels.
	Sweep(ctx context.Context, run string) error
	// Guard has somebody else remove what carries one of the labels of Own, named by, if this process dies.
	// Release ends that.
	Guard(by string) (release func())
}

// A Capacity is a [Backend] that several builds share.
type Capacity interface {
	// Capacity is how many processors it has, and how many bytes of memory; 0: it does not say.
	Capacity() (cpus int, memory int64)
}

// An IsolationDescriber is a [Backend] that can say what stands between a build and the machine.
type IsolationDescriber interface {
	// Isolation says it in plain words, a few each, in a fixed order.
	Isolation() []string
}
