package images

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestShippedCatalogueListsVersionsOldestFirst(t *testing.T) {
	c := Shipped()
	for tool, want := range map[string][]string{
		"docker": {"19.03.13", "20.10.2", "20.10.17", "24.0.7"},
		"buildx": {"v0.4.2", "v0.5.0-rc1", "v0.5.1", "v0.6.2", "v0.7.0"},
	} {
		if got := c.Versions(tool); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", tool, got, want)
		}
	}
	if got, want := c.Tools(), []string{"buildx", "docker"}; !slices.Equal(got, want) {
		t.Errorf("tools: got %v, want %v", got, want)
	}
}

func TestEveryPinIsUsedAndSaysWhatItPins(t *testing.T) {
	c := Shipped()
	used := map[string]bool{}
	for _, tool := range c.Tools() {
		for _, v := range c.Versions(tool) {
			tc, err := c.Lookup(tool, v)
			if err != nil {
				t.Fatal(err)
			}
			used[tool+"-"+v] = true
			for l := range tc.Module.Local {
				used[l] = true
			}
			if pin := string(tc.Module.Pin); !strings.Contains(pin, "-- go.mod --") || !strings.Contains(pin, "-- go.sum --") {
				t.Errorf("%s %s: the pin lacks go.mod or go.sum", tool, v)
			}
			if all := tc.Module.LDFlags + tc.Want; strings.Count(all, v) != 2 || strings.Contains(all, "{") {
				t.Errorf("%s %s: build and check must both name the version: %s", tool, v, all)
			}
			if tc.About == "" || len(tc.Command) == 0 {
				t.Errorf("%s %s: no text or no check", tool, v)
			}
		}
	}
	files, err := fs.Glob(shipped, "pins/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(strings.TrimPrefix(f, "pins/"), ".txtar"); !used[name] {
			t.Errorf("%s: no toolchain uses it", f)
		}
	}
}

func TestBuildxIsGatedAsDockerPackagedIt(t *testing.T) {
	c := Shipped()
	for _, v := range c.Versions("buildx") {
		tc, _ := c.Lookup("buildx", v)
		if !strings.Contains(tc.Module.LDFlags, "-X main.experimental=1") {
			t.Errorf("buildx %s: docker 19.03 would not hide it", v)
		}
	}
}

func TestUnknownToolsAndVersionsSayWhichExist(t *testing.T) {
	c := Shipped()
	_, err := c.Lookup("docker", "99")
	var unknown *UnknownError
	if !errors.As(err, &unknown) || unknown.Tool != "docker" || unknown.Version != "99" || !strings.Contains(err.Error(), "19.03.13, 20.10.2") {
		t.Errorf("version: %v", err)
	}
	_, err = c.Lookup("bazel", "5")
	if !errors.As(err, &unknown) || unknown.Version != "" || !strings.Contains(err.Error(), "buildx, docker") {
		t.Errorf("tool: %v", err)
	}
}

func TestVersionsAreOrderedByMeaningNotByText(t *testing.T) {
	ordered := []string{"nightly", "4.3", "4.4.1", "4.10", "19.03.13", "19.09.0", "20.10.0-rc1", "20.10.0", "v20.10.1"}
	got := slices.Clone(ordered)
	slices.Reverse(got)
	slices.SortFunc(got, compareVersions)
	if !slices.Equal(got, ordered) {
		t.Errorf("got %v", got)
	}
}

func TestDeclareLeavesTheOldCatalogueAlone(t *testing.T) {
	c := Shipped()
	f := File{Path: "x", SHA256: strings.Repeat("Ab", 32), Dest: "/usr/local/bin/docker", Command: []string{"docker", "-v"}}
	d, err := c.Declare("docker", "mine", f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Lookup("docker", "mine"); err == nil {
		t.Error("the old catalogue changed")
	}
	tc, err := d.Lookup("docker", "mine")
	if err != nil || tc.Want != "mine" || tc.File.SHA256 != strings.Repeat("ab", 32) {
		t.Errorf("%+v, %v", tc, err)
	}
	if _, err := d.Lookup("docker", "20.10.2"); err != nil {
		t.Error(err)
	}
}

func TestDeclareRefusesWhatCannotBeMeant(t *testing.T) {
	good := File{Path: "x", SHA256: strings.Repeat("ab", 32), Dest: "/usr/bin/x"}
	for name, test := range map[string]struct {
		tool, version, want string
		change              func(*File)
	}{
		"no version":    {"x", "", "both need a name", func(f *File) {}},
		"taken":         {"docker", "20.10.2", "already in the catalogue", func(f *File) {}},
		"no path":       {"x", "1", "no file given", func(f *File) { f.Path = "" }},
		"short sum":     {"x", "1", "sha256sum x", func(f *File) { f.SHA256 = "abc" }},
		"relative dest": {"x", "1", "clean absolute path", func(f *File) { f.Dest = "bin/x" }},
		"dotted dest":   {"x", "1", "clean absolute path", func(f *File) { f.Dest = "/usr/../x" }},
		"root":          {"x", "1", "clean absolute path", func(f *File) { f.Dest = "/" }},
	} {
		f := good
		test.change(&f)
		if _, err := Shipped().Declare(test.tool, test.version, f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
