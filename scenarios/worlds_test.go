package scenarios

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"buildbisect/images/catalogue"
)

const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const pin = "-- go.mod --\nmodule pin\n-- go.sum --\n"

// worlds names its tools, bases and engines in every way there is.
const worlds = `version: 1
name: worlds
source: {history: h.fi, good: a, bad: b}
builder:
  tools:
    docker:
      "20.10.99": {release: {url: "https://example.org/docker-{version}.tgz", sha256: ` + sum + `, member: docker/docker}}
      "27": {image: {ref: "registry.example/docker@sha256:` + sum + `", path: /usr/local/bin/docker}, check: {want: "Docker version 27."}}
      "28":
        any:
          - {release: {url: "https://example.org/docker", sha256: ` + sum + `}}
          - {debian: {suite: trixie, snapshot: 20240101T000000Z, package: docker-cli, program: /usr/bin/docker}}
        dest: /opt/bin/docker
    interpreter:
      "5.2": {debian: {suite: trixie, package: interpreter, program: /usr/bin/interpreter}}
    own:
      "1.2": {module: {package: example.org/own/cmd/own, pin: pin.txtar, ldflags: -s -w}, dest: /usr/local/bin/own}
    ready:
      "1":
        module: {path: example.org/ready, version: "v{version}.0.0", sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
        program: bin/ready
        dest: /usr/local/bin/ready
    compiler:
      "1.21":
        module: {path: example.org/compiler, version: v0.0.1-1.21.linux-amd64, sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
        dest: /usr/local/bin/compiler
        tree: /usr/local/compiler
        program: bin/compiler
        also: {/usr/local/bin/format: bin/format}
        check: {run: [compiler, version]}
axes:
  - {tool: docker, levels: ["20.10.99", "27", "28"]}
  - {base: true, debian: {suite: bookworm, packages: [make]}, snapshots: [20240201T000000Z, 20240101T000000Z]}
  - {engine: true, levels: ["20.10.5", {name: mine, image: "registry.example/engine"}, {debian: {suite: trixie, packages: [docker.io]}}, "26.1.5"]}
  - {vary: locale, levels: [C, tr_TR.UTF-8, null]}
  - {vary: umask, levels: ["0022", "0077"]}
  - {vary: timezone, levels: [null, Europe/Berlin, "<+03>-3"]}
require:
  - engine != "26.1.5" with docker >= 20
  - vary.locale absent with vary.umask > 0022
stages: [{name: build, run: make}]
expect:
  causes:
    - {base: 20240101T000000Z, engine: trixie, vary.locale: null, vary.umask: "0077"}
`

func decoded(t *testing.T, text string) *Scenario {
	t.Helper()
	s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}, "pin.txtar": {Data: []byte(pin)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := unsound(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAVersionMayComeFromAnyProvider(t *testing.T) {
	docker, ok := catalogue.Shipped().Template("docker")
	if !ok {
		t.Fatal("the catalogue knows no docker")
	}
	release := &catalogue.Release{URL: "https://example.org/docker-20.10.99.tgz", SHA256: sum, Member: "docker/docker"}
	plain := &catalogue.Release{URL: "https://example.org/docker", SHA256: sum}
	packaged := &catalogue.Package{Archive: catalogue.Archive{Suite: "trixie", Snapshot: "20240101T000000Z"}, Name: "docker-cli", Program: "/usr/bin/docker"}
	of := func(version, dest, want string, sources ...catalogue.Source) catalogue.Toolchain {
		c := docker
		c.Version, c.Dest, c.Want, c.Sources = version, dest, want, sources
		return c
	}
	for _, want := range []catalogue.Toolchain{
		of("20.10.99", docker.Dest, "Docker version 20.10.99,", release),
		of("27", docker.Dest, "Docker version 27.", &catalogue.Extract{Image: "registry.example/docker@sha256:" + sum, Path: "/usr/local/bin/docker"}),
		of("28", "/opt/bin/docker", "Docker version 28,", plain, packaged),
		{
			Tool: "interpreter", Version: "5.2", Dest: "/usr/bin/interpreter",
			Sources: []catalogue.Source{&catalogue.Package{Archive: catalogue.Archive{Suite: "trixie"}, Name: "interpreter", Program: "/usr/bin/interpreter"}},
		},
		{
			Tool: "own", Version: "1.2", Dest: "/usr/local/bin/own",
			Sources: []catalogue.Source{&catalogue.Module{Package: "example.org/own/cmd/own", LDFlags: "-s -w", Pin: []byte(pin)}},
		},
		{
			Tool: "ready", Version: "1", Dest: "/usr/local/bin/ready", Program: "bin/ready",
			Sources: []catalogue.Source{&catalogue.Module{
				Path: "example.org/ready", Version: "v1.0.0", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			}},
		},
		{
			Tool: "compiler", Version: "1.21", Dest: "/usr/local/bin/compiler",
			Tree: "/usr/local/compiler", Program: "bin/compiler", Also: map[string]string{"/usr/local/bin/format": "bin/format"},
			Command: []string{"compiler", "version"}, Want: "1.21",
			Sources: []catalogue.Source{&catalogue.Module{
				Path: "example.org/compiler", Version: "v0.0.1-1.21.linux-amd64", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			}},
		},
	} {
		got, err := decoded(t, worlds).Builder.Catalogue.Lookup(want.Tool, want.Version)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s: %v\ngot  %+v\nwant %+v", want.Tool, want.Version, err, got, want)
		}
	}
}

func TestWhatTheCatalogueKnowsOfAToolMayBeLeftOut(t *testing.T) {
	dir := write(t, map[string]string{"h.fi": "", "tool": "", "bisect.yaml": strings.Replace(least, "builder: {base: {image: debian}}", `
builder:
  base: {image: debian}
  tools:
    docker: {v9: {file: tool, sha256: `+sum+`}}
    buildx: {v0.99.0: {release: {sha256: `+sum+`}, dest: /opt/buildx}}`, 1)})
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	docker, _ := catalogue.Shipped().Template("docker")
	got, err := s.Builder.Catalogue.Lookup("docker", "v9")
	if err != nil || got.Dest != docker.Dest || got.Command != nil || got.Want != "" {
		t.Errorf("a file says of itself what it likes: got %+v, %v", got, err)
	}
	got, err = s.Builder.Catalogue.Lookup("buildx", "v0.99.0")
	if err != nil || onlySource[*catalogue.Release](got) == nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if r := onlySource[*catalogue.Release](got); !strings.Contains(r.URL, "/buildx-v0.99.0.") || r.SHA256 != sum {
		t.Errorf("release is %+v", r)
	}
	if got.Dest != "/opt/buildx" || len(got.Command) == 0 || got.Command[0] != got.Dest || !strings.Contains(got.Want, "v0.99.0") {
		t.Errorf("the tool is asked by another path than it stands at: %+v", got)
	}
}

func TestBasesAndEnginesAreNamedByWhatTheyAre(t *testing.T) {
	s := decoded(t, worlds)
	engine := func(version string) catalogue.Base {
		base, err := s.Builder.Catalogue.Engine(version)
		if err != nil {
			t.Fatal(err)
		}
		return base
	}
	want := []Axis{
		{Kind: BaseAxis, Levels: []Level{
			{Text: "20240201T000000Z", Base: catalogue.Base{Debian: debian("bookworm", "20240201T000000Z", "make")}},
			{Text: "20240101T000000Z", Base: catalogue.Base{Debian: debian("bookworm", "20240101T000000Z", "make")}},
		}},
		{Kind: EngineAxis, Levels: []Level{
			{Text: "20.10.5", Base: engine("20.10.5")},
			{Text: "mine", Base: catalogue.Base{Image: "registry.example/engine"}},
			{Text: "trixie", Base: catalogue.Base{Debian: debian("trixie", "", "docker.io")}},
			{Text: "26.1.5", Base: engine("26.1.5")},
		}},
		{Kind: VaryAxis, Name: Locale, Levels: []Level{{Text: "C"}, {Text: "tr_TR.UTF-8"}, {Null: true}}},
		{Kind: VaryAxis, Name: Umask, Levels: []Level{{Text: "0022"}, {Text: "0077"}}},
		{Kind: VaryAxis, Name: Timezone, Levels: []Level{{Null: true}, {Text: "Europe/Berlin"}, {Text: "<+03>-3"}}},
	}
	if got := s.Axes[1:]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if b := s.Builder; b.Engine != EngineDind || b.EngineVersion != "" || !b.EngineBase.IsZero() || !b.Base.IsZero() {
		t.Errorf("builder is %+v", b)
	}
	if rule, excluded := s.Excluded([]int{0, 0, 3, 2, 0, 0}); !excluded || rule != s.Require[1].Text {
		t.Errorf("%v, by %q", excluded, rule)
	}
}

func TestBaseAxisTakesThePlaceOfTheBase(t *testing.T) {
	digest := "registry.example/a/long/name/of/an/image@sha256:" + sum[:63]
	s := decoded(t, strings.Replace(least, "builder: {base: {image: debian}}", `
axes: [{base: true, levels: [{name: old, image: debian}, {debian: {suite: trixie}}, {debian: {suite: trixie, snapshot: 20240101T000000Z}},
  {image: "`+digest+`0"}, {image: "`+digest+`1"}]}]`, 1))
	want := []Level{
		{Text: "old", Base: catalogue.Base{Image: "debian"}},
		{Text: "trixie", Base: catalogue.Base{Debian: debian("trixie", "")}},
		{Text: "trixie@20240101T000000Z", Base: catalogue.Base{Debian: debian("trixie", "20240101T000000Z")}},
		{Text: digest + "0", Base: catalogue.Base{Image: digest + "0"}},
		{Text: digest + "1", Base: catalogue.Base{Image: digest + "1"}},
	}
	if len(s.Axes) != 1 || !reflect.DeepEqual(s.Axes[0].Levels, want) || !s.Builder.Base.IsZero() {
		t.Errorf("got %+v", s)
	}
}

func TestTheBuilderMayFixTheEngine(t *testing.T) {
	shipped := catalogue.Shipped()
	base := func(version string) catalogue.Base {
		b, err := shipped.Engine(version)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for engine, want := range map[string]Builder{
		"none":               {Engine: EngineNone},
		"host":               {Engine: EngineHost},
		"dind":               {Engine: EngineDind, EngineVersion: catalogue.DefaultEngine, EngineBase: base(catalogue.DefaultEngine)},
		`{dind: "26.1.5"}`:   {Engine: EngineDind, EngineVersion: "26.1.5", EngineBase: base("26.1.5")},
		"{dind: {image: x}}": {Engine: EngineDind, EngineVersion: "x", EngineBase: catalogue.Base{Image: "x"}},
		"{dind: {name: mine, debian: {suite: sid, packages: [docker.io]}}}": {
			Engine: EngineDind, EngineVersion: "mine", EngineBase: catalogue.Base{Debian: debian("sid", "", "docker.io")},
		},
	} {
		s := decoded(t, strings.Replace(least, "builder: {", "builder: {engine: "+engine+", ", 1))
		b := Builder{Engine: s.Builder.Engine, EngineVersion: s.Builder.EngineVersion, EngineBase: s.Builder.EngineBase}
		if !reflect.DeepEqual(b, want) {
			t.Errorf("%s: got %+v, want %+v", engine, b, want)
		}
	}
}

func TestAFixedEngineCanStandInARule(t *testing.T) {
	text := strings.Replace(least, "builder: {", `builder: {engine: {dind: "26.1.5"}, `, 1) +
		"axes: [{env: A, levels: [a, b, c]}]\nrequire: [env.A = b with engine < 23]\n"
	s := decoded(t, text)
	if _, excluded := s.Excluded([]int{1}); !excluded {
		t.Error("the rule excludes nothing")
	}
}
