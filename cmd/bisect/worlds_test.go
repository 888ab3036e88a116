package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScriptsWithAServer runs the scripts that fetch: scenario files find the files of folder served below
// the URL $SERVED, and $SCRATCH is an image without any file, in the suite's registry.
func TestScriptsWithAServer(t *testing.T) {
	engine := withEngine(t)
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "engine", "world-served"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			if err := engine(env); err != nil {
				return err
			}
			server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(env.WorkDir, "served"))))
			env.Defer(server.Close)
			registry, _, _ := strings.Cut(env.Getenv("BASE"), "/")
			scratch, err := pushScratch(registry)
			return errors.Join(err, replaceInScenarios(env.WorkDir, "$SERVED", server.URL), replaceInScenarios(env.WorkDir, "$SCRATCH", scratch))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "history": makeHistory, "json": jsonHas, "nothing-left": nothingLeft},
	})
}

// pushScratch pushes an image without a layer and returns its reference by digest.
func pushScratch(registry string) (string, error) {
	file, err := empty.Image.ConfigFile()
	if err != nil {
		return "", err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config.Env = "linux", runtime.GOARCH, []string{suiteMark()}
	image, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	ref, err := name.NewDigest(registry + "/scratch@" + digest.String())
	if err != nil {
		return "", err
	}
	return ref.String(), remote.Write(ref, image)
}
