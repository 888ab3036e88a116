// Package enginetest is what engines that run containers promise beyond the contract of every runner, which
// is in runnertest: images, isolation and limits. Every such engine must pass [Run]; what an engine promises
// beyond it belongs into that engine's own tests.
//
// The suite asks for the image of [Busybox] or one like it: a /bin/sh and the usual small commands, PATH set,
// FROM_IMAGE in its environment, a volume at /volume, and another user than root, an entrypoint and a port,
// which a box must ignore; and in /given files kept and file, a folder with a file deep, and a link to /tmp.
// /led is a link to /given.
package enginetest

import (
	"fmt"
	"testing"
	"time"

	"buildbisect/images"
	"buildbisect/runner/backend"
)

// Outside is what a test must be able to do behind an engine's back. A nil function skips the tests that need
// it.
type Outside struct {
	// Kill ends the box of that name, as an administrator or the kernel would.
	Kill func(t *testing.T, box string)
	// KillDockerd ends the Docker engine that the box of that name has of its own.
	KillDockerd func(t *testing.T, box string)
	// Watch notes all that belongs to the running box of that name, and returns what tells how much of it is
	// left.
	Watch func(t *testing.T, box string) (left func() []string)
	// Running reports whether any process of the box of that name, or of its own Docker engine, still runs.
	// It comes with Watch.
	Running func(t *testing.T, box string) bool
}

// Run holds e to the contract.
func Run(t *testing.T, e backend.Backend, image func(t *testing.T) *images.Image, outside Outside) {
	s := &suite{engine: e, image: image(t), outside: outside}
	id, err := e.Load(t.Context(), s.image)
	if err != nil {
		t.Fatal(err)
	}
	s.id = id
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"LoadingAgainGivesTheSameIDAtOnce", s.loadingAgain},
		{"TheImagesEnvironmentIsTheBuilds", s.environment},
		{"WorkdirIsMadeAndUsed", s.workdir},
		{"FilesGoAnywhere", s.elsewhere},
		{"TheImagesFilesInTheWorkFolderGiveWayToTheTrees", s.givenFiles},
		{"AScriptThatKillsAllItCanHasAnEnd", s.killAll},
		{"WantOfMemoryIsTold", s.outOfMemory},
		{"ABoxWithoutNetworkHasOnlyLoopback", s.noNetwork},
		{"ProcessesAreLimited", s.processLimit},
	} {
		t.Run(test.name, test.run)
	}
}

type suite struct {
	engine  backend.Backend
	image   *images.Image
	id      string
	dockerd *backend.DockerdSpec // of boxes that have one
	outside Outside
}

// box starts a box for t with the limits of spec, and closes it when t ends.
func (s *suite) box(t *testing.T, spec backend.BoxSpec) backend.Box {
	t.Helper()
	if spec.Image == "" {
		spec.Image = s.id
	}
	if spec.Name == "" {
		spec.Name = fmt.Sprintf("bisect-enginetest-%d", time.Now().UnixNano())
	}
	if spec.Network == "" {
		spec.Network = "none"
	}
	if spec.Workdir == "" {
		spec.Workdir = "/src"
	}
	box, err := s.engine.Start(t.Context(), spec)
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
