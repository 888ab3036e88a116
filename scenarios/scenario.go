// Package scenarios reads scenario files: the YAML that says what to bisect, in which builders, and what
// counts as bad. It is strict: a file is either wholly understood or refused with all its mistakes at once,
// each with its place (package document reads the YAML). The scenarios that ship with bisect are embedded
// here and opened by name.
//
// Three things are added as one file each, whose value a list names: a kind of axis ([AxisKind], kinds), a
// way to tell good from bad ([Judge], judges), and a provider of tools (provider, providers). The tests of
// toys show how.
package scenarios

import (
	"io/fs"
	"time"

	"buildbisect/images/catalogue"
)

// Scenario is one validated scenario file.
type Scenario struct {
	File string // as the user named it: a path, or the name of a shipped scenario
	Dir  string // absolute folder of File; "" for a shipped scenario
	FS   fs.FS  // the files of Dir; for a shipped scenario those of all shipped ones
	Hash string // sha256 of the file's bytes, in hex
	Text []byte // the file's bytes

	Name  string
	About string

	Source  Source
	Builder Builder
	Axes    []Axis // the commit axis is implied, and not listed
	Require []Rule // which combinations of levels can exist; see Excluded
	Prior   Prior
	Stages  []Stage
	Verdict Verdict

	Artifacts []string // files and folders of the work folder, slash-separated, that are kept of each trial

	Confirm    int     // how often each witness of a reported claim is built in all; default 2
	Confidence float64 // at which a search that models noise stops, within [0.5, 0.9999]; default 0.99
	Repeat     Repeat
	Certify    Certify
	Expect     Expect

	folder string         // of a shipped scenario, inside FS; "" for a file on disk
	lines  map[string]int // path of a key that may loosen something to its line

	untrusted bool      // nobody has read it: it reaches nothing outside of its repository
	compiled  []string  // paths of the modules that tools are built from
	outside   []Reading // files and pins of tools that lie outside of its folder
}

// Source says where trees come from. Exactly one of Repo and History is set.
type Source struct {
	Repo        string   // a path; relative ones are relative to the scenario's folder
	History     string   // a file of git fast-import text, relative to the scenario's folder
	Good        string   // a revision; "": none is known, and one is searched for backwards from Bad
	Bad         string   // a revision
	FirstParent bool     // as git's --first-parent: only the first parent of a merge is followed
	Paths       []string // only commits that touch one of these; nil: all. See Prior.Paths for their form
	Git         bool     // put a .git into the builder
	Submodules  bool
}

// Engine says which Docker engine the build itself may use.
type Engine string

const (
	EngineNone Engine = "none"
	EngineHost Engine = "host" // this machine's own
	EngineDind Engine = "dind" // a pinned dockerd beside the build
)

// Builder is what does not vary in the environment of a trial.
type Builder struct {
	Base      catalogue.Base    // the zero value when an axis varies the base
	Tools     map[string]string // pinned, not varied: tool -> version
	Engine    Engine            // default none; dind when an axis varies the engine
	Network   string            // none (default) or bridge
	Resources Resources
	Env       map[string]string
	Secrets   map[string]Secret    // variable -> where its value is had from; see ReadSecrets
	Workdir   string               // default /src
	Catalogue *catalogue.Catalogue // the shipped one, with the versions this file declares

	Capabilities []string // Linux capabilities, without CAP_, beside the few that every box has

	// Of dind where no axis varies the engine: what its dockerd runs from, and the name of that. Else the
	// zero values.
	EngineBase    catalogue.Base
	EngineVersion string
}

// Axis is a varied thing other than the commit. Levels run from good to bad.
type Axis struct {
	Kind   AxisKind
	Name   string // of the tool, the variable or the build variation; "" where there is one such axis only
	Levels []Level
}

// Key is the axis's name in --at and in reports: the tool's name, env.NAME, base, engine or vary.NAME.
func (a Axis) Key() string { return a.Kind.key(a.Name) }

// Level is one value of an axis.
type Level struct {
	Null bool           // the tool is absent, the variable or variation not set; never on the base or engine axis
	Text string         // the version, the value, or the name of the base or engine
	Base catalogue.Base // only on the base and engine axes: what the box or the dockerd runs from
}

// Stage is one step of the build, run under sh -e.
type Stage struct {
	Name      string
	Run       string
	Timeout   time.Duration // default 1h
	OnTimeout Outcome       // default skip
	OnOOM     Outcome       // default skip
}

// Outcome is what a mishap of a stage counts as.
type Outcome string

const (
	CountSkip Outcome = "skip"
	CountBad  Outcome = "bad"
)

// Verdict says what is bad.
type Verdict struct {
	Stage int   // index of the deciding stage; default the last
	Judge Judge // default Failure
}

// Repeat says how often one point may be built where a build fails only sometimes.
type Repeat struct {
	Max int // trials at one point, at least 2; default 50

	// Given: the file has the key, which says that the build may be flaky. Both ends are then calibrated, and
	// noise is modelled from the first trial on; else only once trials have disagreed.
	Given bool
}

// Certify bounds the proof that there is no further cause.
type Certify struct {
	Probes int           // default 16
	Time   time.Duration // default 1h
}
