package images

import (
	"archive/tar"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"buildbisect/images/apt"
	"buildbisect/images/catalogue"
)

// control is a package, with what it needs as a control file says it. A name may be followed by a version, 1
// if not.
func control(t *testing.T, name, depends string) apt.Control {
	t.Helper()
	name, version, _ := strings.Cut(name, " ")
	if version == "" {
		version = "1"
	}
	all, err := apt.ParseControls("Package: " + name + "\nVersion: " + version + "\nDepends: " + depends + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// baseOf is a base with these files, by package.
func baseOf(t *testing.T, packages map[string][]string) *rootfs {
	t.Helper()
	s := &system{described: described{tree: tree{nodes: map[string]node{}}, owned: map[string]map[string]bool{}}}
	for name, files := range packages {
		c := control(t, name, "")
		s.controls = append(s.controls, c)
		s.owned[c.Name] = map[string]bool{}
		for _, f := range files {
			s.owned[c.Name][f] = true
			s.nodes[f] = node{Kind: tar.TypeReg, Mode: 0o644}
			for dir := path.Dir(f); dir != "/"; dir = path.Dir(dir) {
				s.nodes[dir] = node{Kind: tar.TypeDir, Mode: 0o755}
			}
		}
	}
	s.nodes["/bin"] = node{Kind: tar.TypeSymlink, Link: "usr/bin"}
	s.paths = slices.Sorted(maps.Keys(s.nodes))
	return &rootfs{tree: &s.tree, system: s}
}

// tool is a pick and its payload, of these parts; its program is the first file of the first.
func tool(name string, parts ...*part) (resolvedPick, *toolLayer) {
	program := parts[0].Files[0]
	pick := resolvedPick{Pick: catalogue.Pick{Tool: name, Version: "1"}, tool: catalogue.Toolchain{Tool: name, Version: "1", Dest: program}}
	return pick, &toolLayer{
		id: name, made: contents{Program: "root" + program, Parts: parts}, links: map[string]string{program: "/.bisect/" + name + "/root" + program},
	}
}

// linked places tools, and writes down where links are and what they lead to; those to whole folders end in a
// slash.
func linked(fs *rootfs, picks []resolvedPick, payloads []*toolLayer) (string, error) {
	all, err := place(fs, picks, payloads)
	var lines []string
	for _, links := range all {
		for from, to := range links {
			if to.folder {
				from += "/"
			}
			lines = append(lines, from+" "+strings.TrimPrefix(to.to, "/.bisect/"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), err
}

func TestAToolIsLaidOverTheBaseAndWhatItNeedsOnlyWhereTheBaseLacksIt(t *testing.T) {
	git := &part{Control: control(t, "git 2", "perl, m4 (>= 2), data"), Own: true, Files: []string{
		"/usr/bin/git", "/usr/bin/gitk", "/usr/lib/git-core/log", "/usr/share/git/x", "/usr/share/git/y", "/usr/share/mixed/git", "/bin/merged"}}
	perl := &part{Control: control(t, "perl 9", ""), Files: []string{"/usr/bin/perl", "/usr/share/perl/9/x"}}
	m4 := &part{Control: control(t, "m4 3", ""), Files: []string{"/usr/bin/m4", "/usr/share/m4/x", "/usr/share/aclocal/m4.m4"}}
	data := &part{Control: control(t, "data 1", ""), Files: []string{"/usr/share/data/x"}}
	base := baseOf(t, map[string][]string{
		"git 1":   {"/usr/bin/git", "/usr/lib/git-core/log", "/usr/lib/git-core/old"},
		"perl 8":  {"/usr/bin/perl"}, // meets the need
		"other":   {"/usr/share/mixed/other"},
		"data 1":  {"/usr/share/data/x"},
		"another": {"/usr/share/x"},
	})
	pick, p := tool("git", git, perl, m4, data)
	got, err := linked(base, []resolvedPick{pick}, []*toolLayer{p})
	want := `/usr/bin/git git/root/usr/bin/git
/usr/bin/gitk git/root/usr/bin/gitk
/usr/bin/m4 git/root/usr/bin/m4
/usr/bin/merged git/root/bin/merged
/usr/lib/git-core/ git/root/usr/lib/git-core
/usr/share/aclocal/m4.m4 git/root/usr/share/aclocal/m4.m4
/usr/share/git/ git/root/usr/share/git
/usr/share/m4/ git/root/usr/share/m4
/usr/share/mixed/git git/root/usr/share/mixed/git`
	if err != nil || got != want {
		t.Errorf("got\n%s, %v", got, err)
	}

	// Of the same version the files are there already.
	base = baseOf(t, map[string][]string{"git 2": git.Files, "perl 8": nil, "m4 3": m4.Files, "data 1": data.Files})
	if got, err := linked(base, []resolvedPick{pick}, []*toolLayer{p}); err != nil || got != "/usr/bin/git git/root/usr/bin/git" {
		t.Errorf("got\n%s, %v", got, err)
	}
}

func TestWhatABaseCannotHaveIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		depends string
		needs   *part
		base    map[string][]string
		want    string // "": it fits
	}{
		"another file there": {"dep (>= 2)", &part{Control: control(t, "dep 2", ""), Files: []string{"/usr/bin/dep"}}, map[string][]string{"dep 1": {"/usr/bin/dep"}},
			"needs dep 2, and the base has another /usr/bin/dep"},
		"another's library": {"dep", &part{Control: control(t, "dep", ""), Files: []string{"/usr/lib/x/dep.so"}}, map[string][]string{"other": {"/usr/lib/x/dep.so"}}, ""},
		"a setting":         {"dep", &part{Control: control(t, "dep", ""), Files: []string{"/etc/dep.conf"}}, map[string][]string{"other": {"/etc/dep.conf"}}, ""},
		"perl of another version": {"perl-base (= 2)", &part{Control: control(t, "perl-base 2", "")}, map[string][]string{"perl-base 1": {"/usr/bin/perl"}},
			"x needs perl-base (= 2), and this base has 1; programs look for perl where the base has its own; add perl to the base's packages"},
		"no headers of the libc": {"libc6-dev", &part{Control: control(t, "libc6-dev", "")}, map[string][]string{"libc6": nil},
			"x needs libc6-dev, and this base has none; what it builds would not run with the base's libc; add libc6-dev to the base's packages"},
		"a newer libc": {"libc6 (>= 2)", &part{Control: control(t, "libc6 2", "")}, map[string][]string{"libc6": nil}, ""},
		"no Debian":    {"libc6-dev, perl-base", &part{Control: control(t, "libc6-dev", "")}, nil, ""},
	} {
		named := &part{Control: control(t, "x", test.depends), Own: true, Files: []string{"/usr/bin/x"}}
		pick, p := tool("x", named, test.needs, &part{Control: control(t, "unneeded", ""), Files: []string{"/unneeded"}})
		got, err := linked(baseOf(t, test.base), []resolvedPick{pick}, []*toolLayer{p})
		unfit := (*UnfitError)(nil)
		switch {
		case test.want == "" && (err != nil || got != "/usr/bin/x x/root/usr/bin/x"):
			t.Errorf("%s: got %s, %v", name, got, err)
		case test.want != "" && (!errors.As(err, &unfit) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "base axis") && !strings.Contains(err.Error(), "add ")):
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestACompilersRuntimeMustBeTheBases(t *testing.T) {
	gxx := &part{Control: control(t, "g++", "libstdc++-14-dev"), Own: true, Files: []string{"/usr/bin/g++"}}
	dev := &part{Control: control(t, "libstdc++-14-dev", "libstdc++6 (>= 14)"), Own: true, Files: []string{"/usr/include/c++/14/string"}}
	library := &part{Control: control(t, "libstdc++6 14", ""), Own: true} // of one source with the compiler
	library.Section = "libs"
	pick, p := tool("g++", gxx, dev, library)
	for version, want := range map[string]string{"12": "libstdc++-14-dev needs libstdc++6 (>= 14), and this base has 12; what it builds would not run there; make it a base axis", "15": ""} {
		_, err := linked(baseOf(t, map[string][]string{"libstdc++6 " + version: nil}), []resolvedPick{pick}, []*toolLayer{p})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v", version, err)
		}
	}
}

func TestToolsShareWhatBothNeed(t *testing.T) {
	base := baseOf(t, map[string][]string{"other": {"/usr/share/x"}})
	dep := func(version string) *part {
		return &part{Control: control(t, "dep "+version, ""), Files: []string{"/usr/bin/dep", "/usr/share/dep/x"}}
	}
	both := func(one, two string) (string, error) {
		a, ap := tool("a", &part{Control: control(t, "a", "dep"), Own: true, Files: []string{"/usr/bin/a"}}, dep(one))
		b, bp := tool("b", &part{Control: control(t, "b", "dep"), Own: true, Files: []string{"/usr/bin/b"}}, dep(two))
		return linked(base, []resolvedPick{a, b}, []*toolLayer{ap, bp})
	}
	got, err := both("1", "1")
	if want := "/usr/bin/a a/root/usr/bin/a\n/usr/bin/b b/root/usr/bin/b\n/usr/bin/dep a/root/usr/bin/dep\n/usr/share/dep/ a/root/usr/share/dep"; err != nil || got != want {
		t.Errorf("got\n%s, %v", got, err)
	}
	if _, err := both("1", "2"); err == nil || !strings.Contains(err.Error(), "b 1 does not fit this base: it brings dep 2, and a 1 brings dep 1") {
		t.Errorf("got %v", err)
	}
	// A tool that is what another needs serves it.
	a, ap := tool("a", &part{Control: control(t, "a", "dep"), Own: true, Files: []string{"/usr/bin/a"}}, dep("1"))
	d, dp := tool("dep", &part{Control: control(t, "dep 3", "data"), Own: true, Files: []string{"/usr/bin/dep"}}, &part{Control: control(t, "data", ""), Files: []string{"/usr/share/d/x"}})
	got, err = linked(base, []resolvedPick{a, d}, []*toolLayer{ap, dp})
	if want := "/usr/bin/a a/root/usr/bin/a\n/usr/bin/dep dep/root/usr/bin/dep\n/usr/share/d/ dep/root/usr/share/d"; err != nil || got != want {
		t.Errorf("got\n%s, %v", got, err)
	}
}
