package images

import (
	"archive/tar"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"buildbisect/images/apt"
)

// UnfitError says that a tool cannot do its work on a base. On another it may: to a search that is a point
// that cannot be tested.
type UnfitError struct{ Tool, Why string }

func (e *UnfitError) Error() string {
	return fmt.Sprintf("%s does not fit this base: %s", e.Tool, e.Why)
}

// Untestable marks the error for those who do not import this package's types.
func (e *UnfitError) Untestable() {}

// placement decides what of the tools of Debian packages is linked where the packages would have installed
// it. Programs find most of their files relative to themselves, in the tool's own folder, but not those whose
// absolute paths are compiled into them, and scripts not their interpreters.
//
// What is the tool itself is linked over what the base has, as installing it would do. What it depends on is
// linked only where the base has nothing that meets the need, and never over what is there: builds use that,
// too, and a change of it would be blamed on the tool. Where both is impossible the tool does not fit the
// base.
type placement struct {
	base  *system
	have  []apt.Control // what meets needs: the tools themselves, and then the base's packages
	tools []*placed
}

// placed is one tool of a placement.
type placed struct {
	name  string // of the tool, with its version
	dest  string
	parts []*part
	links map[string]link

	own   map[string]bool // its packages
	want  map[string]want // by real path in the base
	files map[string]int  // folder -> how many files of the tree lie below it
	ready map[string]int  // folder -> how many of them are wanted
	fills map[string]int  // folder -> how many of these must not replace anything
}

// link leads from a path in an image to one in a tool's layer.
type link struct {
	to     string
	folder bool // the link may take the place of a folder of the base
}

// want is a file that is to be found at its place.
type want struct {
	path string // as the package has it
	part *part
}

// simple reports whether a tool brings one package's files and nothing more but libraries.
func simple(parts []*part) bool {
	n := 0
	for _, p := range parts {
		if len(p.Files) > 0 {
			n++
		}
	}
	return n <= 1
}

// place returns for each pick the links that lead to it.
func place(fs *rootfs, picks []resolvedPick, payloads []*toolLayer) ([]map[string]link, error) {
	out := make([]map[string]link, len(picks))
	pl := &placement{}
	for i, p := range picks {
		if p.Absent {
			continue
		}
		out[i] = map[string]link{}
		for from, to := range payloads[i].links {
			out[i][from] = link{to, from == p.tool.Tree}
		}
		t := &placed{name: p.Tool + " " + p.Version, dest: p.tool.Dest, parts: payloads[i].made.Parts, links: out[i]}
		if !simple(t.parts) {
			pl.tools = append(pl.tools, t)
			continue
		}
		for _, part := range t.parts {
			for _, file := range part.Files {
				if _, ok := out[i][file]; !ok && file != payloads[i].program() {
					out[i][file] = link{to: payloads[i].at(file)}
				}
			}
		}
	}
	if len(pl.tools) == 0 {
		return out, nil
	}
	var err error
	if pl.base, err = fs.asSystem(); err != nil {
		return nil, err
	}
	return out, pl.place(picks, payloads)
}

// program is the path that a Debian package has its program at.
func (p *toolLayer) program() string { return strings.TrimPrefix(p.made.Program, "root") }

// at is where in the layer lies what a Debian package has at that path.
func (p *toolLayer) at(file string) string { return path.Join("/", toolsFolder, p.id, "root", file) }

func (pl *placement) place(picks []resolvedPick, payloads []*toolLayer) error {
	replaced := map[string]bool{}
	for _, p := range payloads {
		if p == nil {
			continue
		}
		for _, part := range p.made.Parts {
			if part.Own && !part.library() {
				pl.have = append(pl.have, part.Control)
				replaced[part.Name] = true
			}
		}
	}
	for _, c := range pl.base.controls {
		if !replaced[c.Name] {
			pl.have = append(pl.have, c)
		}
	}
	for _, t := range pl.tools {
		if err := pl.choose(t); err != nil {
			return err
		}
	}
	if err := pl.share(picks); err != nil {
		return err
	}
	n := 0
	for i, p := range picks {
		if !p.Absent && !simple(payloads[i].made.Parts) {
			pl.link(pl.tools[n], payloads[i])
			n++
		}
	}
	return nil
}

// choose decides which files of a tool are wanted at their places.
func (pl *placement) choose(t *placed) error {
	t.want, t.own = map[string]want{}, map[string]bool{}
	var todo []*part
	for _, p := range t.parts {
		if p.Own {
			t.own[p.Name] = true
			todo = append(todo, p)
		}
	}
	for i := 0; i < len(todo); i++ {
		p := todo[i]
		for _, need := range p.Needs {
			if anyMeets(pl.have, need) {
				continue
			}
			q := meeting(t.parts, need)
			if err := pl.missing(t, p, q, need); err != nil {
				return err
			}
			if q != nil && !q.system() && !slices.Contains(todo, q) {
				todo = append(todo, q)
			}
		}
		if err := pl.wantFiles(t, p); err != nil {
			return err
		}
	}
	return nil
}

func anyMeets(have []apt.Control, need apt.Need) bool {
	return slices.ContainsFunc(need, func(r apt.Relation) bool { return slices.ContainsFunc(have, r.MetBy) })
}

// missing refuses a tool for which the base has not what only a base can have. Where nothing is known of the
// base's packages, it is left to the tool's check.
func (pl *placement) missing(t *placed, p, q *part, need apt.Need) error {
	if q == nil || len(pl.base.controls) == 0 {
		return nil
	}
	has := "and this base has none"
	if c, ok := pl.base.installed(q.Name); ok {
		has = "and this base has " + c.Version
	}
	what := fmt.Sprintf("%s needs %s, %s", p.Name, need, has)
	switch {
	case q.Name == "libc6-dev":
		return &UnfitError{t.name, what + "; what it builds would not run with the base's libc; add libc6-dev to the base's packages"}
	case q.library() && strings.HasPrefix(q.Name, "lib") && runtimes.MatchString(p.Name):
		return &UnfitError{t.name, what + "; what it builds would not run there; make it a base axis, with that package in each level"}
	case q.Name == "perl-base":
		return &UnfitError{t.name, what + "; programs look for perl where the base has its own; add perl to the base's packages, or make it a base axis"}
	}
	return nil
}

// wantFiles notes a package's files, if they are not there already.
func (pl *placement) wantFiles(t *placed, p *part) error {
	if c, ok := pl.base.installed(p.Name); ok && c.Version == p.Version {
		return nil // they are the base's own
	}
	for _, file := range p.Files {
		real, err := pl.base.real(file)
		if err != nil {
			return &UnfitError{t.name, err.Error()}
		}
		n, there := pl.base.nodes[real]
		switch {
		case there && p.Own && n.Kind == tar.TypeDir:
			return &UnfitError{t.name, fmt.Sprintf("%s is a folder there, and a file of %s; make it a base axis, with that package in each level", real, p.Name)}
		case there && !p.Own && (inTree(p) || strings.HasPrefix(real, "/etc/") || strings.Contains(path.Base(real), ".so")):
			continue
		case there && !p.Own:
			return &UnfitError{t.name, fmt.Sprintf("it needs %s %s, and the base has another %s; make it a base axis, with that package in each level", p.Name, p.Version, real)}
		}
		t.want[real] = want{file, p}
	}
	return nil
}

// inTree reports whether programs find a part's files relative to themselves, wherever the base's own lie.
func inTree(p *part) bool {
	return p.library() || p.Source == "binutils"
}

// runtimes are what compilers link with programs that then need the library of that version where they run.
// (Of C's own, libgcc, what is new is linked into the program.)
var runtimes = regexp.MustCompile(`^lib(stdc\+\+|gfortran|gphobos|go)-[0-9.]+-dev$`)

// share settles what several tools want at one place: the same package serves them all, and a tool's own
// place is its own.
func (pl *placement) share(picks []resolvedPick) error {
	dests := map[string]string{}
	for _, p := range picks {
		if !p.Absent {
			dests[p.tool.Dest] = p.Tool
		}
	}
	first := map[string]*placed{}
	for _, t := range pl.tools {
		for real, w := range t.want {
			if _, taken := dests[real]; taken {
				delete(t.want, real)
				continue
			}
			other := first[real]
			if other == nil {
				first[real] = t
				continue
			}
			if o := other.want[real].part; o.Name != w.part.Name || o.Version != w.part.Version {
				return &UnfitError{t.name, fmt.Sprintf("it brings %s %s, and %s brings %s %s; both have %s", w.part.Name, w.part.Version, other.name, o.Name, o.Version, real)}
			}
			delete(t.want, real)
		}
	}
	return nil
}

// link leads from the places of wanted files to the tool's layer: by whole folders, where nothing else is to
// be found there.
func (pl *placement) link(t *placed, p *toolLayer) {
	t.files, t.ready, t.fills = map[string]int{}, map[string]int{}, map[string]int{}
	count := func(m map[string]int, file string) {
		for dir := path.Dir(file); dir != "/"; dir = path.Dir(dir) {
			m[dir]++
		}
	}
	for _, part := range t.parts {
		for _, file := range part.Files {
			count(t.files, file)
		}
	}
	for real, w := range t.want {
		if real == w.path {
			count(t.ready, real)
			if !w.part.Own {
				count(t.fills, real)
			}
		}
	}
	for real, w := range t.want {
		from, folder := real, false
		if real == w.path {
			from, folder = pl.fold(t, real)
		}
		if _, ok := t.links[from]; !ok {
			to := from
			if !folder {
				to = w.path
			}
			t.links[from] = link{p.at(to), folder}
		}
	}
}

// fold returns the topmost folder above a wanted file that can be linked as a whole, or else the file.
func (pl *placement) fold(t *placed, file string) (from string, folder bool) {
	parts := strings.Split(strings.TrimPrefix(path.Dir(file), "/"), "/")
	for i := 1; i <= len(parts); i++ {
		if dir := "/" + strings.Join(parts[:i], "/"); !shared(parts[:i]) && pl.whole(t, dir) {
			return dir, true
		}
	}
	return file, false
}

func (pl *placement) whole(t *placed, dir string) bool {
	if t.files[dir] != t.ready[dir] || strings.HasPrefix(t.dest, dir+"/") {
		return false
	}
	for _, other := range pl.tools {
		if other == t {
			continue
		}
		for real := range other.want {
			if strings.HasPrefix(real, dir+"/") {
				return false
			}
		}
		for from := range other.links {
			if strings.HasPrefix(from, dir+"/") {
				return false
			}
		}
	}
	if n, there := pl.base.nodes[dir]; !there {
		return true
	} else if n.Kind != tar.TypeDir || t.fills[dir] > 0 {
		return false
	}
	for _, file := range pl.base.below(dir) {
		if pl.base.nodes[file].Kind != tar.TypeDir && !pl.base.ofPackages(file, t.own) {
			return false
		}
	}
	return true
}

// shared tells the folders in which packages that have nothing to do with each other put their files.
func shared(dir []string) bool {
	if len(dir) < 3 || dir[0] != "usr" || dir[1] == "local" {
		return true
	}
	if last := dir[len(dir)-1]; strings.Contains(last, "-linux-") && (dir[1] == "lib" || dir[1] == "include") && len(dir) == 3 {
		return true
	}
	return len(dir) <= 4 && slices.Contains(sharedNames, dir[len(dir)-1])
}

var sharedNames = strings.Fields(`aclocal applications bash-completion bfd-plugins cmake completions dict dist-packages doc icons info java
	locale man mime misc modules-load.d perl5 pkgconfig python3 sgml systemd sysusers.d terminfo tmpfiles.d udev vendor_ruby xml zoneinfo`)
