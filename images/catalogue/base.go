package catalogue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// Base is the file system a builder image starts from. At most one field is set.
type Base struct {
	Debian *Debian
	Image  string // a reference; by digest, or the digest it had is recorded and a warning given
}

// Debian asks for a minimal Debian system of our own making.
type Debian struct {
	Archive
	Packages []string // beside the essential ones
}

// IsZero reports whether no base is named.
func (b Base) IsZero() bool { return b.Debian == nil && b.Image == "" }

func (b Base) String() string {
	switch {
	case b.Debian != nil:
		if len(b.Debian.Packages) == 0 {
			return "debian:" + b.Debian.Archive.String()
		}
		return fmt.Sprintf("debian:%s with %s", b.Debian.Archive, english.Plural(len(b.Debian.Packages), "package", ""))
	case b.Image != "":
		return b.Image
	}
	return "none"
}

// Asked names what was asked for, so that a lock finds it again.
func (b Base) Asked() string {
	if b.Debian == nil {
		return "image " + b.Image
	}
	packages := slices.Sorted(slices.Values(b.Debian.Packages))
	return strings.TrimSpace(fmt.Sprintf("debian %s %s", b.Debian.Archive, strings.Join(slices.Compact(packages), " ")))
}

// What goes on mmdebstrap's command line and could be taken there for an option, a pattern or a file.
var (
	snapshotTime = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z$`)
	suiteName    = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	packageName  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?([=/][A-Za-z0-9.+:~-]+)?$`)
)

// packages returns d's packages, sorted, or says which is none.
func (d *Debian) PackageNames() ([]string, error) {
	if !suiteName.MatchString(d.Suite) {
		return nil, fmt.Errorf("suite %q is no name of a Debian release, like bookworm", d.Suite)
	}
	if d.Snapshot != "" && !snapshotTime.MatchString(d.Snapshot) {
		return nil, fmt.Errorf("snapshot %q is no time like 20210201T000000Z", d.Snapshot)
	}
	list := slices.Sorted(slices.Values(d.Packages))
	for _, p := range list {
		if !packageName.MatchString(p) {
			return nil, fmt.Errorf("package %q is no name of a Debian package", p)
		}
	}
	return slices.Compact(list), nil
}
