package catalogue

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
		"docker": {"19.03.13", "20.10.2", "20.10.17", "20.10.24", "24.0.7", "26.1.5"},
		"buildx": {"v0.4.2", "v0.5.0-rc1", "v0.5.1", "v0.6.2", "v0.7.0", "v0.13.1"},
		"make":   {"4.3", "4.4.1"},
		"bash":   {"5.1.4", "5.2.15", "5.2.37"},
	} {
		if got := c.Versions(tool); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", tool, got, want)
		}
	}
	if got, want := c.Engines(), []string{"20.10.5", "20.10.24", "26.1.5"}; !slices.Equal(got, want) {
		t.Errorf("engines: got %v, want %v", got, want)
	}
	if _, err := c.Engine(DefaultEngine); err != nil {
		t.Error(err)
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
			if tc.About == "" || len(tc.Command) == 0 || !strings.Contains(tc.Want, strings.TrimPrefix(v, "v")) || strings.Contains(tc.Want, "{") {
				t.Errorf("%s %s: no text, or its check does not name the version", tool, v)
			}
			for _, s := range tc.Sources {
				m, ok := s.(*Module)
				if !ok || !m.Built() {
					continue
				}
				used[tool+"-"+v] = true
				for l := range m.Local {
					used[l] = true
				}
				if pin := string(m.Pin); !strings.Contains(pin, "-- go.mod --") || !strings.Contains(pin, "-- go.sum --") {
					t.Errorf("%s %s: the pin lacks go.mod or go.sum", tool, v)
				}
				if strings.Count(m.LDFlags, v) != 1 || strings.Contains(m.LDFlags, "{") {
					t.Errorf("%s %s: the build must name the version: %s", tool, v, m.LDFlags)
				}
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
		if m, ok := tc.Sources[0].(*Module); ok && !strings.Contains(m.LDFlags, "-X main.experimental=1") {
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
	if !errors.As(err, &unknown) || unknown.Version != "" || !strings.Contains(err.Error(), "bash, buildx, docker") {
		t.Errorf("tool: %v", err)
	}
}

func TestVersionsAreOrderedByMeaningNotByText(t *testing.T) {
	ordered := []string{"nightly", "4.3", "4.4.1", "4.10", "19.03.13", "19.09.0", "20.10.0-rc1", "20.10.0", "v20.10.1"}
	got := slices.Clone(ordered)
	slices.Reverse(got)
	slices.SortFunc(got, CompareVersions)
	if !slices.Equal(got, ordered) {
		t.Errorf("got %v", got)
	}
}

func fromFile(tool, version string) Toolchain {
	return Toolchain{Tool: tool, Version: version, Dest: "/usr/local/bin/" + tool, Sources: []Source{&File{Path: "x", SHA256: strings.Repeat("Ab", 32)}}}
}

func TestDeclareLeavesTheOldCatalogueAlone(t *testing.T) {
	c := Shipped()
	mine := fromFile("docker", "mine")
	mine.Command = []string{"docker", "-v"}
	d, err := c.Declare(mine)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Lookup("docker", "mine"); err == nil {
		t.Error("the old catalogue changed")
	}
	tc, err := d.Lookup("docker", "mine")
	if err != nil || tc.Want != "mine" || tc.Sources[0].(*File).SHA256 != strings.Repeat("ab", 32) {
		t.Errorf("%+v, %v", tc, err)
	}
	if _, err := d.Lookup("docker", "20.10.2"); err != nil {
		t.Error(err)
	}
}

func TestAddressesAreFilledInForThisMachine(t *testing.T) {
	tc := Toolchain{Tool: "jq", Version: "1.6", Dest: "/usr/bin/jq", Sources: []Source{&Release{
		URL: "https://example.org/{version}/jq-{version}-{arch}-{machine}.tgz", SHA256: strings.Repeat("ab", 32), Member: "jq-{version}/jq",
	}}}
	c, err := (&Catalogue{}).Declare(tc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Lookup("jq", "1.6")
	if err != nil {
		t.Fatal(err)
	}
	r := got.Sources[0].(*Release)
	if strings.Contains(r.URL+r.Member, "{") || !strings.HasPrefix(r.URL, "https://example.org/1.6/jq-1.6-") || r.Member != "jq-1.6/jq" {
		t.Errorf("got %+v", r)
	}
	if strings.Contains(tc.Sources[0].(*Release).Member, "1.6") {
		t.Error("what was declared has changed")
	}
}

func TestDeclareRefusesWhatCannotBeMeant(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		want   string
		change func(*Toolchain)
	}{
		"no version":      {"both need a name", func(t *Toolchain) { t.Version = "" }},
		"taken":           {"already in the catalogue", func(t *Toolchain) { t.Tool, t.Version = "docker", "20.10.2" }},
		"no path":         {"no file given", func(t *Toolchain) { t.Sources[0].(*File).Path = "" }},
		"short sum":       {"sha256sum x", func(t *Toolchain) { t.Sources[0].(*File).SHA256 = "abc" }},
		"relative dest":   {"clean absolute path", func(t *Toolchain) { t.Dest = "bin/x" }},
		"dotted dest":     {"clean absolute path", func(t *Toolchain) { t.Dest = "/usr/../x" }},
		"root":            {"clean absolute path", func(t *Toolchain) { t.Dest = "/" }},
		"no source":       {"no provider", func(t *Toolchain) { t.Sources = nil }},
		"empty source":    {"names no provider", func(t *Toolchain) { t.Sources = []Source{nil} }},
		"release, no sum": {"64 hex digits", func(t *Toolchain) { t.Sources = []Source{&Release{URL: "https://example.org/x"}} }},
		"release, a path": {"http or https", func(t *Toolchain) { t.Sources = []Source{&Release{URL: "/x", SHA256: sum}} }},
		"image by tag":    {"by digest", func(t *Toolchain) { t.Sources = []Source{&Extract{Image: "x:1", Path: "/x"}} }},
		"module, no pin":  {"needs a pin", func(t *Toolchain) { t.Sources = []Source{&Module{Package: "example.org/x"}} }},
		"module, no sum":  {"h1:", func(t *Toolchain) { t.Sources = []Source{&Module{Path: "example.org/x", Version: "v1.0.0"}} }},
		"odd suite": {"suite", func(t *Toolchain) {
			t.Sources = []Source{&Package{Archive: Archive{Suite: "--x"}, Name: "x", Program: "/x"}}
		}},
		"odd snapshot": {"20210201T000000Z", func(t *Toolchain) {
			t.Sources = []Source{&Package{Archive: Archive{Suite: "sid", Snapshot: "yesterday"}, Name: "xz", Program: "/x"}}
		}},
		"tree, no program": {"path of the program", func(t *Toolchain) { t.Tree = "/usr/local/x" }},
	} {
		tc := fromFile("x", "1")
		test.change(&tc)
		if _, err := Shipped().Declare(tc); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
