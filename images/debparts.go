package images

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"buildbisect/images/apt"
	"buildbisect/images/catalogue"
)

// part is what one Debian package brings to the tree of a tool.
type part struct {
	apt.Control
	Own   bool     `json:"own,omitempty"`   // the tool itself, not merely something that it depends on
	Files []string `json:"files,omitempty"` // absolute, sorted; each lies below root in the tool layer

	deb string // the .deb file, while the tool is made
}

// systems are packages that are a base's own even where they are not essential: programs of a tool bring
// their own libc, and what compilers build must run with the base's.
var systems = []string{"libc6", "libc6-dev"}

// system reports whether a part is left to the base.
func (p part) system() bool { return p.Essential || slices.Contains(systems, p.Name) }

// library reports whether a part is first of all shared libraries: programs of the tool find theirs, and no
// others do.
func (p part) library() bool { return p.Section == "libs" || p.Section == "oldlibs" }

// debianParts reads of the packages of a closure what they depend on. Those whose files belong into the tree
// have their deb set: the package itself, what was built with it from one source, and what these depend on,
// up to what every system has.
func debianParts(ctx context.Context, debs []string, d *catalogue.Package) ([]*part, error) {
	var parts []*part
	for _, deb := range debs {
		c, err := apt.ReadControl(ctx, deb)
		if err != nil {
			return nil, err
		}
		parts = append(parts, &part{Control: c, deb: deb})
	}
	named := slices.IndexFunc(parts, func(p *part) bool { return p.Name == d.Name })
	if named < 0 {
		return nil, fmt.Errorf("package %s is not among those that were fetched", d.Name)
	}
	parts[named].Own = true
	wanted := []*part{parts[named]}
	if !d.Alone {
		for i := 0; i < len(wanted); i++ {
			for _, need := range wanted[i].Needs {
				p := meeting(parts, need)
				if p == nil || slices.Contains(wanted, p) {
					continue
				}
				if p.Own = p.Source == parts[named].Source; p.Own || !p.system() {
					wanted = append(wanted, p)
				}
			}
		}
	}
	for _, p := range parts {
		if !slices.Contains(wanted, p) {
			p.deb = ""
		}
	}
	return parts, nil
}

// meeting is the part that meets a need, if any does.
func meeting(parts []*part, need apt.Need) *part {
	for _, r := range need {
		for _, p := range parts {
			if r.MetBy(p.Control) {
				return p
			}
		}
	}
	return nil
}

// settle notes which part each file of the tree is of. Where the program is a link, what it leads to is the
// tool as well, with what was built from its source.
func settle(d *catalogue.Package, parts []*part, tree apt.Contents) ([]*part, error) {
	by := map[string]*part{}
	for _, p := range parts {
		if p.deb != "" {
			by[filepath.Base(p.deb)] = p
		}
	}
	for _, f := range tree.Files {
		by[f.Deb].Files = append(by[f.Deb].Files, f.Path)
	}
	program, way, ok := tree.Find(d.Program)
	if !ok {
		return nil, fmt.Errorf("no %s is in it, nor in what it depends on; %s", d.Program, programs(parts))
	}
	if why := tree.Lacking[program.Path]; why != "" {
		return nil, fmt.Errorf("%s; make it a base axis, with that package in each level", why)
	}
	for _, deb := range way {
		for _, p := range parts {
			if p.deb != "" && p.Source == by[deb].Source {
				p.Own = true
			}
		}
	}
	return parts, nil
}

// programs lists the programs of a tool, a few at most.
func programs(parts []*part) string {
	const most = 10
	var have []string
	for _, p := range parts {
		for _, f := range p.Files {
			if p.Own && strings.HasSuffix(path.Dir(f), "bin") {
				have = append(have, f)
			}
		}
	}
	if len(have) == 0 {
		return "it has no programs"
	}
	return "it has " + strings.Join(have[:min(most, len(have))], ", ")
}
