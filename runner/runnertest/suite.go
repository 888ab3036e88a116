// Package runnertest is the contract of runners as tests: what [backend.Backend] and [backend.Box] promise,
// asked of a box itself and of [lab.Lab.Try], which makes verdicts of it. Every runner must pass [Suite].
// What a runner promises beyond it, such as isolation or limits, belongs into that runner's own tests.
package runnertest

import (
	"fmt"
	"testing"
	"time"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// Bench is a runner on trial, with what a test must be able to do behind its back.
type Bench struct {
	Engine backend.Backend
	// Image has a /bin/sh and the usual small commands (cat, chmod, cp, dd, env, find, head, ls, mkdir, mv,
	// readlink, rm, setsid, sleep, sort, stat, touch, tr) in PATH.
	Image *images.Image
	// Env names the variables that a box has without being told; a shell's own are known.
	Env []string
	// NoShell is an image without a shell; nil: the runner has none such.
	NoShell *images.Image
	// Break ends the box of that name from outside, as an administrator or the kernel would.
	Break func(t *testing.T, box string)
	// Watch notes all that belongs to the box of that name, and returns what tells how much of it is left:
	// containers, volumes, processes, files.
	Watch func(t *testing.T, box string) (left func() []string)
	// Sweep removes all that bears a run's label, and fails t if something stays; nil: there is nothing that
	// outlives a box and the engine.
	Sweep func(t *testing.T, run string)
	// Running reports whether any process of the box of that name still runs.
	Running func(t *testing.T, box string) bool
}

// Suite holds a runner to the contract.
func Suite(t *testing.T, bench func(t *testing.T) Bench) {
	b := bench(t)
	id, err := b.Engine.Load(t.Context(), b.Image)
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{Bench: b, id: id}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		// What a script says and how it ends.
		{"ExitCodesAreTheScriptsOwn", s.exitCodes},
		{"TheFirstFailingCommandEndsTheScript", s.firstFailure},
		{"OutputIsInterleavedAsItCame", s.interleaving},
		{"OutputOfAnyBytesArrivesUntouched", s.binaryOutput},
		{"TwoHundredMegabytesStream", s.largeOutput},
		{"OutputThatCannotBeStoredIsInfrastructure", s.brokenWriter},
		{"ScriptsOfAnyTextAndLengthRun", s.oddScripts},
		{"ABackgroundProcessDelaysNobody", s.background},
		{"AClosedOutputIsNotTheEnd", s.closedOutput},
		// What it finds around itself.
		{"EnvironmentIsSetAndUnset", s.environment},
		{"NothingOfTheHostsEnvironmentIsInABox", s.hostEnvironment},
		{"TheWorkFolderIsFreshEachTime", s.workdir},
		{"FilesArriveAsTheyAre", s.files},
		{"FilesGiveWayToTheTarAndLinksAreNotFollowed", s.givingWay},
		{"ATarThatLeadsOutStaysInside", s.hostileTar},
		{"ALargeTreeStreams", s.largeTree},
		{"FilesFromABrokenSourceAreTheSourcesFault", s.brokenSource},
		{"StagesShareTheBox", s.stages},
		{"FilesComeBackAsTheBuildLeftThem", s.filesBack},
		{"FilesComeBackAfterATimeout", s.filesBackAfterTimeout},
		{"BoxesRunSideBySide", s.sideBySide},
		{"WhatIsSharedIsWrittenOnceAndReadByAll", s.sharing},
		{"NoBoxChangesWhatOthersShare", s.sharedHarm},
		{"AShareThatBreaksOffIsMadeAnew", s.brokenShare},
		// How it ends, if it does not by itself.
		{"ATimeoutKillsThoughTheScriptIgnoresSignals", s.timeout},
		{"ATimeoutKillsWhatRunsInTheBackground", s.timeoutBackground},
		{"ABoxThatIsNotKnownIsNamed", s.absentImage},
		{"ABoxEndedFromOutsideIsInfrastructure", s.ended},
		{"NothingStaysBehind", s.nothingStays},
		// What becomes of all that in a trial.
		{"VerdictsFollowTheScriptsStatusAndNothingElse", s.verdicts},
		{"AnEarlierStageThatFailsIsASkip", s.earlierStage},
		{"ALogIsWholeByteForByte", s.wholeLog},
		{"ATrialEndsWithItsStagesTime", s.trialTimeout},
		{"ATrialIsCancelledWithinThreeSeconds", s.cancelled},
		{"ATrialWhoseBoxIsEndedIsInfrastructureAndNoVerdict", s.trialEnded},
		{"ATrialWithoutAShellIsASkip", s.noShell},
		{"EachTrialSeesItsOwnTreeAndNoOthers", s.ownTree},
		{"TreesBorrowWhatTheyHaveInCommon", s.borrowing},
	} {
		t.Run(test.name, test.run)
	}
}

type suite struct {
	Bench
	id string // of the image
}

// boxName is a name that no other test has.
func boxName() string { return fmt.Sprintf("bisect-runnertest-%d", time.Now().UnixNano()) }

// box starts a box for t, and closes it when t ends.
func (s *suite) box(t *testing.T, spec backend.BoxSpec) backend.Box {
	t.Helper()
	spec.Image, spec.Network, spec.Workdir = s.id, "none", "/src"
	if spec.Name == "" {
		spec.Name = boxName()
	}
	box, err := s.Engine.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}
