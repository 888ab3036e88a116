package catalogue

import (
	"cmp"
)

// Pick is one tool of an image.
type Pick struct {
	Tool, Version string
	Absent        bool // the tool is in no place where the catalogue knows it may be, even if the base has it
}

// Spec says what an image is made of. The order of the picks does not matter.
type Spec struct {
	Base  Base
	Picks []Pick

	// Pool is what else the images of the same matrix are made of. All of it lies in each of them, below the
	// layer of links that makes the difference, and hidden by it: so that an engine stores and is sent each
	// part once, not once for each combination.
	Pool       []Pick
	BaseVaries bool // the matrix has several bases: what they share goes below them
}

// ComparePicks orders picks by tool and version.
func ComparePicks(a, b Pick) int {
	return cmp.Or(cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Version, b.Version))
}
