package catalogue

import (
	"fmt"
	"path"
)

// Package has a tool from a Debian package, with what that depends on and the libraries it needs, so that it
// runs on a base of another age.
type Package struct {
	Archive
	Name    string // of the package
	Program string // absolute path of the program in it, or in what it depends on, e.g. /usr/bin/make
	Alone   bool   `json:"-"` // the program needs libraries, and no other file of what the package depends on
}

// Archive is a Debian suite, as it is now or as it was.
type Archive struct {
	Suite    string // e.g. bookworm
	Snapshot string // a time like 20210201T000000Z; "": now
}

func (a Archive) String() string {
	if a.Snapshot != "" {
		return a.Suite + " at " + a.Snapshot
	}
	return a.Suite
}

func (p *Package) Kind() string { return "debian" }

func (p *Package) String() string { return fmt.Sprintf("debian package %s of %s", p.Name, p.Archive) }

func (p *Package) Check(Toolchain) error {
	switch {
	case !suiteName.MatchString(p.Suite) || !packageName.MatchString(p.Name):
		return fmt.Errorf("%s: want a suite like bookworm, and a package's name", p)
	case p.Snapshot != "" && !snapshotTime.MatchString(p.Snapshot):
		return fmt.Errorf("snapshot %q: want a time like 20210201T000000Z", p.Snapshot)
	case !path.IsAbs(p.Program):
		return fmt.Errorf("%s: program %q is no absolute path", p, p.Program)
	}
	return nil
}

func (p *Package) Filled(func(string) string) Source { return p }

// Folder is false: where the files of a package go, the package says.
func (p *Package) Folder() bool { return false }

func (p *Package) Recipe(how Making) any {
	return struct {
		Package      *Package
		Exact        []string
		Trust, Fresh string `json:",omitempty"`
		Tree         int    `json:",omitempty"`
	}{p, how.Exact, how.Trust, how.Fresh, how.Tree}
}
