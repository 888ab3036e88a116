package scenarios

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"buildbisect/images/catalogue"
)

// write makes a folder of files and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const whole = `version: 1
name: whole
about: |
  One line.
  More of them.
source:
  repo: ../code
  good: v1.0
  bad: HEAD
  first-parent: true
  paths: [build/, go.mod]
  git: true
  submodules: true
builder:
  base: {debian: {suite: bookworm, snapshot: 20210201T000000Z, packages: [make, git]}}
  tools:
    docker: "20.10.2"
    mine:
      v9: {file: ./tool, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, dest: /usr/local/bin/mine}
  engine: host
  network: bridge
  capabilities: [SYS_CHROOT, NET_RAW]
  resources: {cpus: 1.5, memory: 4g, pids: 100, disk: 30g, log: 64k, artifacts: 2g}
  secrets: {TOKEN: {from-env: CI_TOKEN}, KEY: {from-file: ../key}}
  env: {KUBE_VERBOSE: "5", EMPTY: ""}
  workdir: /go/src/x/
axes:
  - {tool: buildx, levels: [v0.5.1, !!str v0.4.2, null]}
  - {env: DOCKER_CLI_EXPERIMENTAL, levels: [enabled, "", ~]}
require:
  - buildx >= 0.5 with docker >= 20.10 and env.DOCKER_CLI_EXPERIMENTAL present
prior:
  paths: {docs/: 0.2, build/: 5}
  commits: {v1.1: 3}
  size: true
stages:
  - {name: configure, run: ./configure, timeout: 5m, on-timeout: bad, on-oom: bad}
  - {name: release, run: make release, on-timeout: skip}
  - {name: late, run: "true"}
artifacts: [out/, build.log]
verdict:
  bad: {stage: release, log: '^unknown flag: --platform|^quiet', exit: any}
confirm: 3
confidence: 0.95
repeat: {max: 20}
certify: {probes: 5, time: 30m}
expect:
  causes:
    - {commit: v1.1, buildx: v0.4.2, env.DOCKER_CLI_EXPERIMENTAL: null}
`

func debian(suite, snapshot string, packages ...string) *catalogue.Debian {
	return &catalogue.Debian{Archive: catalogue.Archive{Suite: suite, Snapshot: snapshot}, Packages: packages}
}

func TestEveryKeyIsRead(t *testing.T) {
	dir := write(t, map[string]string{"ci/bisect.yaml": whole, "ci/tool": "", "code/x": ""})
	s, err := Load(filepath.Join(dir, "ci"))
	if err != nil {
		t.Fatal(err)
	}
	if s.File != filepath.Join(dir, "ci/bisect.yaml") || s.Dir != filepath.Join(dir, "ci") || len(s.Hash) != 64 {
		t.Errorf("file %s, dir %s, hash %s", s.File, s.Dir, s.Hash)
	}
	if data, err := fs.ReadFile(s.FS, "bisect.yaml"); err != nil || string(data) != whole {
		t.Errorf("FS does not give the scenario's folder: %v", err)
	}
	tool, err := s.Builder.Catalogue.Lookup("mine", "v9")
	if err != nil || len(tool.Sources) != 1 || onlySource[*catalogue.File](tool) == nil || onlySource[*catalogue.File](tool).Path != filepath.Join(dir, "ci/tool") || tool.Dest != "/usr/local/bin/mine" {
		t.Errorf("declared tool: %+v, %v", tool, err)
	}
	signature, _ := s.Verdict.Judge.(Signature)
	if re := signature.Log; re == nil || !re.MatchString("unknown flag: --platform") || re.MatchString("WARN: quiet") {
		t.Errorf("log pattern is %v", re)
	}
	level := "v0.4.2"
	revision := "v1.1"
	want := &Scenario{
		File: s.File, Dir: s.Dir, FS: s.FS, Hash: s.Hash, Text: s.Text,
		Name: "whole", About: "One line.\nMore of them.\n",
		Source: Source{
			Repo: filepath.Join(dir, "code"), Good: "v1.0", Bad: "HEAD",
			FirstParent: true, Paths: []string{"build/", "go.mod"}, Git: true, Submodules: true,
		},
		Builder: Builder{
			Base:      catalogue.Base{Debian: debian("bookworm", "20210201T000000Z", "make", "git")},
			Tools:     map[string]string{"docker": "20.10.2", "mine": "v9"},
			Engine:    EngineHost,
			Network:   "bridge",
			Resources: Resources{CPUs: 1.5, Memory: 4 << 30, PIDs: 100, Disk: 30 << 30, Log: 64 << 10, Artifacts: 2 << 30},
			Secrets:   map[string]Secret{"TOKEN": {FromEnv: "CI_TOKEN"}, "KEY": {FromFile: "../key"}},
			Env:       map[string]string{"KUBE_VERBOSE": "5", "EMPTY": ""},
			Workdir:   "/go/src/x",
			Catalogue: s.Builder.Catalogue,

			Capabilities: []string{"SYS_CHROOT", "NET_RAW"},
		},
		Axes: []Axis{
			{Kind: ToolAxis, Name: "buildx", Levels: []Level{{Text: "v0.5.1"}, {Text: "v0.4.2"}, {Null: true}}},
			{Kind: EnvAxis, Name: "DOCKER_CLI_EXPERIMENTAL", Levels: []Level{{Text: "enabled"}, {Text: ""}, {Null: true}}},
		},
		Require: []Rule{{
			Text: "buildx >= 0.5 with docker >= 20.10 and env.DOCKER_CLI_EXPERIMENTAL present",
			when: condition{"buildx >= 0.5", 0, []bool{true, false, false}},
			with: []condition{
				{"docker >= 20.10", -1, []bool{true}},
				{"env.DOCKER_CLI_EXPERIMENTAL present", 1, []bool{true, true, false}},
			},
		}},
		Prior: Prior{Paths: []PathWeight{{"docs/", 0.2}, {"build/", 5}}, Commits: map[string]float64{"v1.1": 3}, Size: true},
		Stages: []Stage{
			{Name: "configure", Run: "./configure", Timeout: 5 * time.Minute, OnTimeout: CountBad, OnOOM: CountBad},
			{Name: "release", Run: "make release", Timeout: time.Hour, OnTimeout: CountSkip, OnOOM: CountSkip},
			{Name: "late", Run: "true", Timeout: time.Hour, OnTimeout: CountSkip, OnOOM: CountSkip},
		},
		Verdict: Verdict{Stage: 1, Judge: Signature{signature.Log, true}}, Artifacts: []string{"out", "build.log"}, lines: s.lines,
		Confirm: 3, Confidence: 0.95, Repeat: Repeat{Max: 20, Given: true},
		Certify: Certify{Probes: 5, Time: 30 * time.Minute},
		Expect: Expect{Causes: []map[string]*string{
			{"commit": &revision, "buildx": &level, "env.DOCKER_CLI_EXPERIMENTAL": nil},
		}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

const least = `version: 1
name: least
source: {history: h.fi, good: a, bad: b}
builder: {base: {image: debian}}
stages: [{name: build, run: make}]
`

func TestDefaultsStandWhereTheFileIsSilent(t *testing.T) {
	s, err := Decode("x", []byte(least), fstest.MapFS{"h.fi": {Data: []byte("blob")}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Builder.Engine != EngineNone || s.Builder.Network != "none" || s.Builder.Workdir != "/src" || s.Confirm != 2 ||
		s.Confidence != 0.99 || s.Repeat != (Repeat{Max: 50}) || s.Source.Paths != nil || s.Source.FirstParent ||
		s.Certify != (Certify{Probes: 16, Time: time.Hour}) || s.Verdict != (Verdict{Judge: Failure}) || s.Stages[0].Timeout != time.Hour ||
		s.Builder.Resources != DefaultResources() || s.Builder.Resources.Disk != 20<<30 || s.Builder.Resources.PIDs != 4096 || len(s.Loosened()) > 0 {
		t.Errorf("got %+v", s)
	}
	f, err := s.OpenHistory()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); string(data) != "blob" {
		t.Errorf("history is %q, %v", data, err)
	}
}

func TestGoodMayBeLeftOutToBeSearchedFor(t *testing.T) {
	text := strings.Replace(least, "good: a, ", "", 1)
	s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
	if err != nil || s.Source.Good != "" || s.Source.Bad != "b" {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestRepeatAloneSaysThatABuildIsFlaky(t *testing.T) {
	s, err := Decode("x", []byte(least+"repeat: {}\n"), fstest.MapFS{"h.fi": {}}, "")
	if err != nil || s.Repeat != (Repeat{Max: 50, Given: true}) {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestRepairsNameGoodLevels(t *testing.T) {
	text := least + "axes: [{env: A, levels: [new, old, null]}]\nexpect: {repairs: [{commit: c, env.A: old}, {env.A: new}]}\n"
	s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c, older, newer := "c", "old", "new"
	want := Expect{Repairs: []map[string]*string{{"commit": &c, "env.A": &older}, {"env.A": &newer}}}
	if !reflect.DeepEqual(s.Expect, want) {
		t.Errorf("got %v, want %v", s.Expect, want)
	}
}

func TestUnknownToolsAndVersionsAreAnsweredWithThoseThatExist(t *testing.T) {
	text := least + "axes: [{tool: dokcer, levels: [a, b]}, {tool: docker, levels: [20.10.22, null]}]\n"
	_, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
	want := []string{`unknown tool "dokcer"`, "did you mean docker?", `unknown version "20.10.22" of docker`}
	for _, word := range slices.Concat(want, catalogue.Shipped().Tools(), catalogue.Shipped().Versions("docker")) {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
}

func TestHistoryMustBeAFileThatExists(t *testing.T) {
	for ref, want := range map[string]string{
		"h.fi": "", "../shared/h.fi": "", "gone.fi": "no such file", "../shared": "not a regular file",
	} {
		text := strings.Replace(least, "h.fi", ref, 1)
		dir := write(t, map[string]string{"own/bisect.yaml": text, "own/h.fi": "own", "shared/h.fi": "shared"})
		_, onDisk := Load(filepath.Join(dir, "own"))
		_, shipped := Decode("own", []byte(text), os.DirFS(dir), "own")
		for _, err := range []error{onDisk, shipped} {
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", ref, err, want)
			}
		}
	}
}

func TestShippedScenariosReachNoPathOfTheMachine(t *testing.T) {
	text := strings.Replace(least, "history: h.fi", "repo: /", 1)
	if _, err := Decode("own", []byte(text), fstest.MapFS{}, "own"); err == nil || !strings.Contains(err.Error(), "source.repo: a shipped scenario") {
		t.Errorf("got %v", err)
	}
	text = strings.Replace(least, "h.fi", "../../etc/passwd", 1)
	if _, err := Decode("own", []byte(text), os.DirFS(t.TempDir()), "own"); err == nil {
		t.Error("a history outside of the shipped files was found")
	}
}
