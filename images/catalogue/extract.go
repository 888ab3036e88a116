package catalogue

import (
	"fmt"
	"path"
	"strings"
)

// Extract has a tool as one file of an image.
type Extract struct {
	Image string // a reference by digest
	Path  string // absolute
}

func (x *Extract) Kind() string { return "image" }

func (x *Extract) String() string { return fmt.Sprintf("%s of image %s", x.Path, x.Image) }

func (x *Extract) Check(Toolchain) error {
	if !strings.Contains(x.Image, "@sha256:") || !path.IsAbs(x.Path) {
		return fmt.Errorf("%s: want an image by digest, and an absolute path in it", x)
	}
	return nil
}

func (x *Extract) Filled(func(string) string) Source { return x }

func (x *Extract) Folder() bool { return false }

func (x *Extract) Recipe(Making) any { return x }
