package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/rogpeppe/go-internal/testscript"

	"buildbisect/images/apt"
	"buildbisect/images/apt/apttest"
)

// TestScriptsWithSnapshots runs the scripts whose bases come from a Debian archive of the test's own. Package
// timeline grows with the years: suite demo has 1, 2 and 3 of it in the snapshots of 2021, 2022 and 2023, all
// long past their time. Suite rolling has 1 in the last snapshot and on the mirror, which has 3 after command
// moved-on, and nothing after command gone.
func TestScriptsWithSnapshots(t *testing.T) {
	engine := withEngine(t)
	system, err := smallestSystem(t)
	if err != nil && os.Getenv("BISECT_REQUIRE_DOCKER") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	archive := apttest.New(t)
	publish := func(root, suite string, date time.Time, version string) {
		archive.Publish(root, suite, date, 7*24*time.Hour, append(slices.Clip(system), timeline(version).Package(t))...)
	}
	for i, version := range []string{"1", "2", "3"} {
		date := time.Date(2021+i, 2, 1, 0, 0, 0, 0, time.UTC)
		publish(apttest.Then+date.Format("20060102T150405Z"), "demo", date, version)
		publish(apttest.Then+date.Format("20060102T150405Z"), "rolling", date, "1")
	}
	publish(apttest.Now, "rolling", time.Now().Add(-time.Hour), "1")

	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "engine", "snapshots"),
		UpdateScripts: *update,
		Condition:     condition,
		Setup: func(env *testscript.Env) error {
			env.Defer(func() {
				if err := removeTried(env.WorkDir); err != nil {
					t.Error(err)
				}
			})
			err := engine(env)
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			env.Setenv("TMPDIR", os.TempDir()) // the script's own is closed to the users that mmdebstrap works as
			env.Setenv("BISECT_DEBIAN_MIRROR", archive.Mirror)
			env.Setenv("BISECT_DEBIAN_SNAPSHOTS", archive.Snapshots)
			env.Setenv("BISECT_DEBIAN_KEYRING", archive.Keyring)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "history": makeHistory, "json": jsonHas, "nothing-left": nothingLeft,
			"moved-on": func(*testscript.TestScript, bool, []string) {
				publish(apttest.Now, "rolling", time.Now().Add(-time.Minute), "3")
			},
			"gone": func(*testscript.TestScript, bool, []string) {
				archive.Remove(apttest.Now + "/dists/rolling/InRelease")
			},
		},
	})
}

// timeline is a package with one file that holds its version. What else it holds keeps this process's images
// apart from those of others.
func timeline(version string) apttest.Deb {
	var files []tar.Header
	for _, dir := range []string{"./", "./usr/", "./usr/share/", "./usr/share/timeline/"} {
		files = append(files, tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755})
	}
	bodies := map[string]string{"./usr/share/timeline/version": version + "\n", "./usr/share/timeline/suite": suiteMark()}
	for _, name := range []string{"./usr/share/timeline/suite", "./usr/share/timeline/version"} {
		files = append(files, tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644})
	}
	return apttest.Deb{Name: "timeline", Version: version, Files: files, Bodies: bodies}
}

// essential are those of Debian's packages without which mmdebstrap makes no system. Debian itself has more.
var essential = []string{"base-files", "base-passwd", "coreutils", "dash", "diffutils", "dpkg", "libc-bin", "mawk", "sed", "tar"}

// smallestSystem fetches these and what they need from Debian, once on each machine.
func smallestSystem(t *testing.T) ([]apttest.Package, error) {
	t.Helper()
	for _, tool := range []string{"mmdebstrap", "apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	c := &apt.Client{
		Dir: filepath.Join(cache, "bisect", "test", "apt"), Progress: func(line string) { t.Log(line) },
		Env: append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin"),
	}
	debian := apt.Archive{Suite: "bookworm"}
	found, err := c.Resolve(t.Context(), debian, essential)
	if err != nil {
		return nil, err
	}
	files, err := c.Fetch(t.Context(), debian, found.Packages)
	if err != nil {
		return nil, err
	}
	var all []apttest.Package
	for i, p := range found.Packages {
		all = append(all, apttest.Read(t, files[i], p.Filename, slices.Contains(essential, p.Name)))
	}
	return all, nil
}

// removeTried removes the images that the runs below dir have loaded.
func removeTried(dir string) error {
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "report.json" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var report struct{ Trials []struct{ Image string } }
		if err := json.Unmarshal(raw, &report); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, trial := range report.Trials {
			names[trial.Image] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	c, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer c.Close()
	var errs []error
	for id := range names {
		if _, err := c.ImageRemove(context.Background(), id, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil && !strings.Contains(err.Error(), "No such image") {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
