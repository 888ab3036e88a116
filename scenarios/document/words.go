package document

import (
	"slices"

	"github.com/xrash/smetrics"
)

// Keys are the keys of one kind of mapping: those that must stand there, those that may, and those of the
// scenario format that this version does not serve. The last are refused by name, so that nobody looks for a
// spelling mistake.
type Keys struct {
	Required, Optional, Later []string
}

// Served are the keys that may stand in the mapping.
func (k Keys) Served() []string { return append(slices.Clone(k.Required), k.Optional...) }

// Nearest returns the word of have that s was probably meant to be, or "".
func Nearest(s string, have []string) string { return near(s, have, min(2, len(s)/2)) }

// near is nearest, but for how many letters may be wrong.
func near(s string, have []string, changes int) string {
	best, distance := "", changes+1
	for _, word := range have {
		if len(s) > len(word)+distance || len(word) > len(s)+distance {
			continue // also keeps a word of a hundred thousand letters from being compared
		}
		if n := smetrics.WagnerFischer(s, word, 1, 1, 1); n < distance {
			best, distance = word, n
		}
	}
	return best
}
