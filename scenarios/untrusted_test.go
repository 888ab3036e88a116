package scenarios

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildbisect/images/catalogue"
)

// underUntrusted says of a key what --untrusted makes of it: sections of a hostile file that are refused,
// each in place of the section of that name in a plain one, or why there is nothing to refuse.
type underUntrusted struct {
	refused []string
	passes  string
}

const (
	inBox    = "is of the build, in its box"
	ownWords = "words of the report, or of the search"
	checked  = "names something that is checked by its digest"
	bounded  = "narrows the build, or the search"
	below1   = "its keys are judged one by one"
)

func refused(sections ...string) underUntrusted { return underUntrusted{refused: sections} }
func passes(why string) underUntrusted          { return underUntrusted{passes: why} }

func tool(provider string) string {
	return "builder: {base: {image: debian}, tools: {own: {\"1\": {" + provider + ", dest: /bin/own}}}}"
}

func untrustedKeys() map[string]underUntrusted {
	outside := []string{"../outside", "/OUTSIDE", "out", "outdir/outside", "sub/../../outside"}
	each := func(format string) (all []string) {
		for _, name := range outside {
			all = append(all, strings.ReplaceAll(format, "FILE", name))
		}
		return all
	}
	var releases, images []string
	for _, host := range []string{
		"127.0.0.1", "127.0.0.1:5000", "localhost:5000", "[::1]:5000", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "[fd00::1]", "[fe80::1]",
		"0.0.0.0", "metadata.google.internal", "printer.local", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "100.100.100.200",
	} {
		releases = append(releases, tool(`release: {url: "http://user@`+host+`/x", sha256: `+sum+`}`))
		if strings.ContainsAny(host, ":.") && !strings.HasPrefix(host, "[f") && !strings.HasPrefix(host, "[6") && !strings.HasPrefix(host, "[::f") { // as a reference has it
			images = append(images, `builder: {base: {image: "`+host+`/x:1"}}`)
		}
	}
	return map[string]underUntrusted{
		"scenario.version": passes("a number"), "scenario.name": passes("cannot lead out of a folder"), "scenario.about": passes(ownWords),
		"scenario.source": passes(below1), "scenario.builder": passes(below1), "scenario.axes": passes(below1), "scenario.require": passes(bounded),
		"scenario.prior": passes(below1), "scenario.stages": passes(below1), "scenario.verdict": passes(below1), "scenario.artifacts": passes("paths within the work folder; resources bound them"),
		"scenario.confirm": refused("confirm: 1000000"), "scenario.confidence": passes("at most 0.9999"),
		"scenario.repeat": passes(below1), "scenario.certify": passes(below1), "scenario.expect": passes(below1),

		"source.repo":    refused(append(each("source: {repo: FILE, good: a, bad: b}"), "source: {repo: .., good: a, bad: b}", "source: {repo: /, good: a, bad: b}", "source: {repo: outdir, good: a, bad: b}", "source: {repo: 'https://example.org/x', good: a, bad: b}")...),
		"source.history": refused(each("source: {history: FILE, good: a, bad: b}")...),
		"source.good":    passes("a revision, read by no program"), "source.bad": passes("a revision, read by no program"),
		"source.first-parent": passes(bounded), "source.paths": passes(bounded), "source.git": passes("what lies in the repository"), "source.submodules": passes("what lies in the repository; nothing is fetched"),

		"builder.base": passes(below1), "builder.tools": passes(below1), "builder.engine": refused("builder: {base: {image: debian}, engine: host}", "builder: {base: {image: debian}, engine: dind}", `builder: {base: {image: debian}, engine: {dind: "20.10.5"}}`),
		"builder.network":      refused("builder: {base: {image: debian}, network: bridge}"),
		"builder.capabilities": refused("builder: {base: {image: debian}, capabilities: [SYS_CHROOT]}"),
		"builder.resources":    passes(below1), "builder.env": passes(inBox), "builder.workdir": passes(inBox),
		"builder.secrets": refused("builder: {base: {image: debian}, secrets: {TOKEN: {from-env: HOME}}}", "builder: {base: {image: debian}, secrets: {TOKEN: {from-file: own}}}"),

		"base.debian": passes(below1), "base.image": refused(images...),
		"named-base.name": passes(ownWords), "named-base.debian": passes(below1),
		"named-base.image": refused(`axes: [{base: true, levels: [{name: a, image: "localhost:5000/x"}, {name: b, image: debian}]}]`),
		"debian.suite":     refused("builder: {base: {debian: {suite: ../../x}}}", "builder: {base: {debian: {suite: --setup-hook=id}}}", "builder: {base: {debian: {suite: 'http://x'}}}"),
		"debian.snapshot":  refused("builder: {base: {debian: {suite: bookworm, snapshot: ../../x}}}"),
		"debian.packages":  refused("builder: {base: {debian: {suite: bookworm, packages: [-oAPT::Update::Pre-Invoke::=id]}}}", "builder: {base: {debian: {suite: bookworm, packages: [./x.deb]}}}", "builder: {base: {debian: {suite: bookworm, packages: ['a=1']}}}", "builder: {base: {debian: {suite: bookworm, packages: ['*']}}}", "builder: {base: {debian: {suite: bookworm, packages: ['bash-']}}}", "builder: {base: {debian: {suite: bookworm, packages: ['a,b']}}}"),
		"engine.dind":      refused(`builder: {base: {image: debian}, engine: {dind: "26.1.5"}}`),

		"toolchain.file": refused(each(tool("file: FILE, sha256: " + sum))...), "toolchain.sha256": passes(checked), "toolchain.release": passes(below1),
		"toolchain.module": passes(below1), "toolchain.debian": passes(below1), "toolchain.image": passes(below1), "toolchain.any": passes(below1),
		"toolchain.dest": passes(inBox), "toolchain.tree": passes(inBox), "toolchain.program": passes(inBox), "toolchain.also": passes(inBox), "toolchain.check": passes("runs in a box"),
		"provider.file": refused(each(tool("any: [{file: FILE, sha256: " + sum + "}]"))...), "provider.sha256": passes(checked), "provider.release": passes(below1),
		"provider.module": passes(below1), "provider.debian": passes(below1), "provider.image": passes(below1),
		"release.url":    refused(append(releases, tool(`release: {url: "file:///etc/passwd", sha256: `+sum+`}`), tool(`release: {url: "ftp://example.org/x", sha256: `+sum+`}`))...),
		"release.sha256": passes(checked), "release.member": refused(tool(`release: {url: "https://example.org/x", sha256: ` + sum + `, member: ../x}`)),
		"module.package": refused(tool("module: {package: example.org/own, pin: pin.txtar}")), "module.pin": refused(each(tool("module: {package: example.org/own, pin: FILE}"))...),
		"module.ldflags": refused(tool("module: {package: example.org/own, pin: pin.txtar, ldflags: -cpuprofile=/tmp/x}")),
		"module.gcflags": refused(tool("module: {package: example.org/own, pin: pin.txtar, gcflags: -o=/tmp/x}")),
		"module.path":    refused(tool(`module: {path: ../x, version: v1.0.0, sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, program: x`), tool(`module: {path: -x.org/x, version: v1.0.0, sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, program: x`)),
		"module.version": refused(tool(`module: {path: example.org/x, version: latest, sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, program: x`)), "module.sum": passes(checked),
		"package.suite": refused(tool("debian: {suite: ../x, package: make, program: /x}")), "package.snapshot": refused(tool("debian: {suite: bookworm, snapshot: x, package: make, program: /x}")),
		"package.package": refused(tool("debian: {suite: bookworm, package: -ox, program: /x}"), tool("debian: {suite: bookworm, package: ./x.deb, program: /x}")), "package.program": passes(inBox),
		"extract.ref": refused(tool(`image: {ref: "debian:12", path: /x}`)), "extract.path": passes("within the image"), "check.run": passes("runs in a box"), "check.want": passes(ownWords),

		"resources.cpus": passes("at most the engine's"), "resources.memory": passes("run and probe refuse more than the engine has"),
		"resources.pids":      refused("builder: {base: {image: debian}, resources: {pids: 100000}}"),
		"resources.disk":      refused("builder: {base: {image: debian}, resources: {disk: 1t}}"),
		"resources.log":       refused("builder: {base: {image: debian}, resources: {log: 2g}}"),
		"resources.artifacts": refused("builder: {base: {image: debian}, resources: {artifacts: 2g}}"),
		"secret.from-env":     refused("builder: {base: {image: debian}, secrets: {TOKEN: {from-env: HOME}}}"),
		"secret.from-file":    refused("builder: {base: {image: debian}, secrets: {TOKEN: {from-file: /OUTSIDE}}}"),

		"axis.tool": passes("names what builder.tools declares"), "axis.env": passes(inBox), "axis.base": passes(below1), "axis.engine": refused(`axes: [{engine: true, levels: ["20.10.5", "26.1.5"]}]`),
		"axis.vary": passes(inBox), "axis.levels": passes("judged as what they are levels of"), "axis.debian": passes(below1), "axis.snapshots": refused("axes: [{base: true, debian: {suite: bookworm}, snapshots: [../x, y]}]"),
		"stage.name": passes(ownWords), "stage.run": passes("runs in a box"), "stage.timeout": refused("stages: [{name: build, run: make, timeout: 100h}]"),
		"stage.on-timeout": passes(ownWords), "stage.on-oom": passes(ownWords),
		"verdict.bad": passes(below1), "verdict.exit": passes(ownWords), "bad.stage": passes(ownWords), "bad.log": passes("RE2, whose time grows with the text alone"), "bad.exit": passes(ownWords),
		"prior.paths": passes(ownWords), "prior.commits": passes(ownWords), "prior.size": passes(ownWords),
		"repeat.max": refused("repeat: {max: 1000000}"), "certify.probes": refused("certify: {probes: 1000000}"), "certify.time": refused("certify: {time: 10000h}"),
		"expect.causes": passes(ownWords), "expect.repairs": passes(ownWords), "expect.candidates": passes(ownWords),
	}
}

// A key that is added to the grammar fails here until somebody has said what --untrusted makes of it.
func TestUntrustedHasARuleForEveryKey(t *testing.T) {
	var keys []string
	for kind, of := range grammar() {
		for _, key := range of.Served() {
			keys = append(keys, kind+"."+key)
		}
	}
	slices.Sort(keys)
	if rules := slices.Sorted(maps.Keys(untrustedKeys())); !slices.Equal(keys, rules) {
		for _, key := range keys {
			if !slices.Contains(rules, key) {
				t.Errorf("%s: no rule", key)
			}
		}
		for _, key := range rules {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: a rule for no key", key)
			}
		}
	}
}

func TestUntrustedRefusesWhatItsRulesRefuse(t *testing.T) {
	plain := map[string]string{
		"version": "version: 1", "name": "name: x", "source": "source: {history: own, good: a, bad: b}", "builder": "builder: {base: {image: debian}}",
		"axes": "axes: [{env: A, levels: [a, b]}]", "stages": "stages: [{name: build, run: make}]",
	}
	dir := write(t, map[string]string{
		"repo/.git/HEAD": "ref: refs/heads/main", "repo/own": "inside", "repo/sub/x": "", "outside": "the secret of another", "repo/pin.txtar": pin,
	})
	for link, to := range map[string]string{"out": "../outside", "outdir": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, "repo", link)); err != nil {
			t.Fatal(err)
		}
	}
	judge := func(section string) (refusal string, trusted error) {
		sections := maps.Clone(plain)
		if section != "" {
			name, _, _ := strings.Cut(section, ":")
			sections[name] = strings.ReplaceAll(section, "/OUTSIDE", filepath.Join(dir, "outside"))
		}
		text := strings.Join(slices.Sorted(maps.Values(sections)), "\n") + "\n"
		file := filepath.Join(dir, "repo", "bisect.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, trusted = Open(file)
		s, err := OpenUntrusted(file)
		if err != nil {
			return err.Error(), trusted
		}
		for _, l := range s.Refused() {
			if l.Line == 0 {
				t.Errorf("%s: no line for %s", section, l.Key)
			}
			refusal += l.Key + ": " + l.What + "\n"
		}
		return refusal, trusted
	}
	if refusal, trusted := judge(""); refusal != "" || trusted != nil {
		t.Fatalf("the plain scenario: %s, %v", refusal, trusted)
	}
	for key, rule := range untrustedKeys() {
		if (rule.passes == "") == (len(rule.refused) == 0) {
			t.Errorf("%s: want a reason or what is refused", key)
		}
		for _, section := range rule.refused {
			refusal, _ := judge(section)
			_, last, _ := strings.Cut(key, ".")
			if kind, _, _ := strings.Cut(key, "."); kind == "secret" {
				last = "secrets"
			}
			if last == "package" || last == "ref" || last == "dind" {
				last = "builder"
			}
			if !strings.Contains(refusal, last) {
				t.Errorf("%s: not refused: %s: %q", key, section, refusal)
			}
			if strings.Contains(refusal, "the secret of another") {
				t.Errorf("%s: shows what it must not read: %s", key, refusal)
			}
		}
	}
}

func TestAScenarioThatIsALinkOutOfItsRepositoryIsNotReadWhenUntrusted(t *testing.T) {
	dir := write(t, map[string]string{"repo/.git/HEAD": "", "outside.yaml": "the secret: of another\n"})
	file := filepath.Join(dir, "repo", "bisect.yaml")
	if err := os.Symlink("../outside.yaml", file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, filepath.Dir(file)} {
		if _, err := OpenUntrusted(name); err == nil || !strings.Contains(err.Error(), "leads out of its repository") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Secrets are had from files of the scenario's folder alone, trusted or not.
func TestASecretIsNoFileOutsideOfTheScenariosFolder(t *testing.T) {
	dir := write(t, map[string]string{"outside": "the secret of another", "own/h.fi": "", "own/keys/x": "", "own/inside": "a secret of its own"})
	for link, to := range map[string]string{"out": "../outside", "outdir": "..", "near": "inside"} {
		if err := os.Symlink(to, filepath.Join(dir, "own", link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, allowed := range map[string]bool{
		"../outside": false, filepath.Join(dir, "outside"): false, "out": false, "outdir/outside": false, "keys/../../outside": false, "/etc/passwd": false,
		"inside": true, "near": true, "./inside": true, filepath.Join(dir, "own/inside"): true,
	} {
		file := filepath.Join(dir, "own/bisect.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(secretive, "keys/key", name, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		values, err := s.ReadSecrets(func(string) (string, bool) { return "value", true })
		if allowed && (err != nil || values["KEY"] != "a secret of its own") || !allowed && (err == nil || !strings.Contains(err.Error(), "leads out of the scenario's folder") || values["KEY"] != "") {
			t.Errorf("%s: %q, %v", name, values["KEY"], err)
		}
		if reads := s.Reads(); len(reads) != 1 || reads[0].File != name || reads[0].Key != "builder.secrets.KEY" {
			t.Errorf("%s: reads %v", name, reads)
		}
	}
}

func TestWhatATrustedScenarioReadsOutsideOfItsFolderIsListed(t *testing.T) {
	dir := write(t, map[string]string{"outside": pin, "h.fi": "", "own/inside": "", "own/.git/HEAD": "", "other/.git/HEAD": ""})
	text := `version: 1
name: x
source: {repo: ../other, good: a, bad: b}
builder:
  base: {image: debian}
  tools:
    a: {"1": {file: ../outside, sha256: ` + sum + `, dest: /a}}
    b: {"1": {file: inside, sha256: ` + sum + `, dest: /b}}
    c: {"1": {module: {package: example.org/c, pin: ../outside}, dest: /c}}
stages: [{name: build, run: make}]
`
	file := filepath.Join(dir, "own/bisect.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []Reading{
		{"source.repo", filepath.Join(dir, "other")}, {"builder.tools.a.1.file", filepath.Join(dir, "outside")}, {"builder.tools.c.1.module.pin", "../outside"},
	}
	if got := s.Reads(); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if tc, err := s.Builder.Catalogue.Lookup("a", "1"); err != nil || !tc.Sources[0].(*catalogue.File).Unseen {
		t.Errorf("its digest may be shown: %+v, %v", tc, err)
	}
}
