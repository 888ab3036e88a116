package backend

import (
	"context"
	"io"

	"buildbisect/images"
)

// Backend runs boxes. Nothing here assumes that it is on this machine.
type Backend interface {
	// Check runs an image's checks in a throw-away box of it. A tool that says something else, or that cannot
	// run on this base, for want of a loader or a library, is [Untestable], in the tool's or the loader's own
	// words.
	Check(ctx context.Context, id string, checks []images.Check) error
	// Load makes image known to the engine, at once when it is already, and returns the engine's id for it.
	Load(ctx context.Context, image *images.Image) (id string, err error)
	// Start starts a fresh box whose first process is a shell that waits. An image that has no shell, or an
	// engine's that has no dockerd, is [Untestable].
	Start(ctx context.Context, spec BoxSpec) (Box, error)
}

// BoxSpec describes the container of one trial.
type BoxSpec struct {
	Image   string   // as Load returned it
	Name    string   // of the container
	Env     []string // NAME=value; a bare NAME unsets what the image sets
	Secrets []string // NAME=value, which scripts are given, and which the engine does not tell of the box
	Workdir string   // a fresh volume, with what the image has there; gone with the box
	Home    string   // HOME of the build, unless Env names it; "": what the image says, or /root beside an Engine
	Network string   // none or bridge
	Socket  bool     // mount the engine's own socket at /var/run/docker.sock
	Dockerd *DockerdSpec
	// The limits hold for the box and for its Engine each, not for the sum of both: a container beside
	// another cannot be put under one limit with it in every version of control groups.
	CPUs   float64 // 0: unlimited
	Memory int64   // bytes, 0: unlimited
	PIDs   int64   // 0: unlimited
	Disk   int64   // bytes that the box may write in all, 0: unlimited. No single file exceeds it; the sum is watched: see [Exit].Full
	Shared string  // a path as [Sharer.Share] returned it, which boxes have, too; "": none
	// Capabilities are Linux capabilities, without CAP_, beyond [scenarios.DefaultCapabilities].
	Capabilities []string
	Labels       map[string]string
}

// DockerdSpec asks for a Docker engine of the box's own, which lives and dies with the box; nil: none. Its
// socket is at /var/run/docker.sock in the box. The two share the network, so that a build reaches what it
// started, on 127.0.0.1 where published and on its bridge address; and the work folder, /tmp and HOME at
// equal paths, so that what a build mounts is what it sees. An engine that dies is [ErrInfrastructure],
// whatever the script made of that; but for want of memory, which is [Exit].OOM.
type DockerdSpec struct {
	Image   string // with dockerd and what that needs, as Load returned it
	Version string // for messages
}

// A Sharer is an engine that takes in once what many boxes read. One that cannot is sent it for each box.
type Sharer interface {
	// Share makes the tar that write streams readable in boxes, and returns the path at which those have it
	// whose [BoxSpec.Shared] is that path. What is there already is not written again. A box cannot change
	// it, or its script ends as [ErrInfrastructure] and the next Share writes it anew. It goes with the
	// engine's other things of the run that spec's labels name. What write fails with comes back as it is.
	Share(ctx context.Context, spec ShareSpec, write func(io.Writer) error) (path string, err error)
}

// ShareSpec describes what boxes share.
type ShareSpec struct {
	Key    string // names the contents; letters and digits
	Image  string // one that boxes will have, as Load returned it
	Labels map[string]string
}

// A Janitor is an engine that can tell what a build left behind in it.
type LeftoverRemover interface {
	// RemoveTrialThings removes containers, networks and volumes whose names contain marker; kept are those
	// that others use.
	RemoveTrialThings(ctx context.Context, marker string) (removed, kept []string, err error)
	// RemoveTrialImages removes the images whose references contain marker, and lists other images that are
	// new.
	RemoveTrialImages(ctx context.Context, marker string) (removed, others []string, err error)
}

// A Patient is an engine that can be asked what ails it, and waited for.
type HealthChecker interface {
	// Diagnose says in a sentence or two what is wrong with the engine now, "" when all looks well. It takes
	// a few seconds at most.
	Diagnose(ctx context.Context) string
	// Await returns when the engine answers, at once when it does already, and with an error when ctx ends
	// before that.
	Await(ctx context.Context) error
}

// A Machine is an engine whose boxes are processes of the machine that it runs on: an image is its tools
// alone, and no container shows a cause by hand.
type HostDescriber interface {
	// HostDescriber says what the machine is, in a few words: it stands for the base.
	Machine() string
}

// Box is one running container. The caller closes it, whatever happened.
type Box interface {
	// Put unpacks an uncompressed tar below dir.
	Put(ctx context.Context, dir string, tar io.Reader) error
	// Exec runs script under `sh -e` in the work folder, both outputs interleaved into out as they come. When
	// ctx ends it kills the box and returns ctx's cause. Any other error is of the infrastructure and says
	// nothing of the build: that a script failed while the disk of the engine was full is one.
	Exec(ctx context.Context, script string, out io.Writer) (Exit, error)
	// Close removes the box and its volumes, on a deadline of its own.
	Close() error
}

// Terminal is a [Box] in which a person can work.
type Terminal interface {
	// Shell runs script in the work folder, as Exec does, but on the terminal of this process, and returns
	// when it has ended.
	Shell(ctx context.Context, script string) error
}

// FileReader is a [Box] that gives files back.
type FileReader interface {
	// Get streams what lies at path (relative: to the work folder) as an uncompressed tar whose names begin
	// with path's last element, and are otherwise as the build chose them: trust none. It works after a
	// script has ended, and when the box has. A path that is absent is fs.ErrNotExist; an error of w comes
	// back as it is.
	Get(ctx context.Context, path string, w io.Writer) error
}

// Exit is how a script ended. OOM, PIDs and Full are seen from outside the script: they say nothing of its
// code, which may be 0.
type Exit struct {
	Code int
	OOM  bool // the kernel killed something of the box for want of memory
	PIDs bool // the kernel refused the box a process: it had reached BoxSpec.PIDs
	Full bool // the box wrote more than BoxSpec.Disk, in one file or in all, and may have been ended for it
}
