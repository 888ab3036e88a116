package backend_test

import (
	"strings"
	"testing"

	"buildbisect/runner/backend"
)

func TestADiskIsFullByWhatIsLeft(t *testing.T) {
	const gib = 1 << 30
	for name, test := range map[string]struct {
		room              backend.FreeSpace
		silent, complains bool
	}{
		"room":                   {backend.FreeSpace{Total: 50 * gib, Left: 40 * gib}, false, false},
		"nothing left":           {backend.FreeSpace{Total: 50 * gib}, true, true},
		"a little left":          {backend.FreeSpace{Total: 50 * gib, Left: gib}, false, true},
		"a huge disk":            {backend.FreeSpace{Total: 8000 * gib, Left: 5 * gib}, false, false},
		"a huge disk, nearly":    {backend.FreeSpace{Total: 8000 * gib, Left: 3 * gib}, false, true},
		"a huge disk, full":      {backend.FreeSpace{Total: 8000 * gib, Left: 16 << 20}, true, true},
		"inodes":                 {backend.FreeSpace{Inodes: true, Total: 4000000, Left: 3000000}, false, false},
		"no inodes":              {backend.FreeSpace{Inodes: true, Total: 4000000}, true, true},
		"few inodes":             {backend.FreeSpace{Inodes: true, Total: 4000000, Left: 150000}, false, true},
		"few inodes of a few":    {backend.FreeSpace{Inodes: true, Total: 400, Left: 6}, false, true},
		"nearly all inodes used": {backend.FreeSpace{Inodes: true, Total: 40000000, Left: 1000}, true, true},
	} {
		if silent, complains := test.room.Short(false), test.room.Short(true); silent != test.silent || complains != test.complains {
			t.Errorf("%s: got %t and %t", name, silent, complains)
		}
	}
}

func TestAComplaintIsHeardWhereverItsStreamIsCut(t *testing.T) {
	text := "cc: error: No space left on device\nmake: *** [a.o] Error 1\n"
	for size := 1; size <= len(text); size++ {
		for _, said := range []string{text, strings.Replace(text, "space", "place", 1)} {
			c := backend.Matcher{Words: []string{backend.NoSpace}}
			for rest := said; rest != ""; rest = rest[min(size, len(rest)):] {
				c.Listen([]byte(rest[:min(size, len(rest))]))
			}
			if c.Heard != (said == text) {
				t.Errorf("in pieces of %d: heard is %t in %q", size, c.Heard, said)
			}
		}
	}
}
