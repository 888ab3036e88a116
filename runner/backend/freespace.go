package backend

import (
	"bytes"
	"fmt"

	"github.com/dustin/go-humanize"
)

// NoSpace is how a full disk reads, with a capital letter before it from libc, without from Go.
const NoSpace = "o space left on device"

// Below what a disk is full: a thousandth of it, but at most so much; and where a script complains a
// twentieth.
const (
	fullBytes  = 16 << 20
	FullInodes = 1000
	shortBytes = 4 << 30
)

// FreeSpace is what a file system has. A full disk comes to a script as the failure of whatever wrote last,
// with any status. It is told apart by what is left when the script has failed. Compilers and linkers remove
// what they could not finish, so where the script has complained the disk need not be full to the last byte.
// The complaint alone proves nothing: a small file system of the build's own may be full, or /dev/full be
// read.
type FreeSpace struct {
	Place       string
	Inodes      bool // what is counted; otherwise bytes
	Total, Left int64
}

// Short reports whether it is full, or where somebody has complained nearly so.
func (r FreeSpace) Short(complained bool) bool {
	full, short := int64(fullBytes), int64(shortBytes)
	if r.Inodes {
		full, short = FullInodes, r.Total
	}
	return r.Left <= min(r.Total/1000, full) || complained && r.Left <= min(r.Total/20, short)
}

func (r FreeSpace) String() string {
	if r.Inodes {
		return fmt.Sprintf("%s has %d of %d inodes left", r.Place, r.Left, r.Total)
	}
	return fmt.Sprintf("%s has %s of %s left", r.Place, humanize.IBytes(uint64(r.Left)), humanize.IBytes(uint64(r.Total)))
}

// Matcher notices words in a stream, wherever that is cut.
type Matcher struct {
	Words []string
	Heard bool
	edge  []byte // the end of what went before, shorter than the longest words
}

// Listen takes what comes next.
func (e *Matcher) Listen(p []byte) {
	if e.Heard {
		return
	}
	most := 0
	for _, words := range e.Words {
		most = max(most, len(words)-1)
	}
	seam := append(e.edge, p[:min(len(p), most)]...)
	for _, words := range e.Words {
		e.Heard = e.Heard || bytes.Contains(seam, []byte(words)) || bytes.Contains(p, []byte(words))
	}
	if len(p) >= most {
		seam = p
	}
	e.edge = append([]byte(nil), seam[max(0, len(seam)-most):]...)
}
