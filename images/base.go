package images

import "fmt"

// Base is the file system a builder image starts from. At most one field is set.
type Base struct {
	Debian *Debian
	Image  string // a reference; by digest, or the digest it had is recorded and a warning given
}

// Debian asks for a minimal Debian system of our own making.
type Debian struct {
	Suite    string   // e.g. bookworm
	Packages []string // beside the essential ones
}

// IsZero reports whether no base is named.
func (b Base) IsZero() bool { return b.Debian == nil && b.Image == "" }

func (b Base) String() string {
	switch {
	case b.Debian != nil:
		return fmt.Sprintf("debian:%s+%d packages", b.Debian.Suite, len(b.Debian.Packages))
	case b.Image != "":
		return b.Image
	}
	return "none"
}
