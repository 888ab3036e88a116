package bisect

import "slices"

// Verdict is what one trial, or all trials at one point, say of a build.
type Verdict int

const (
	Unknown Verdict = iota // the zero value, never an answer
	Good
	Bad
	Skip // untestable: the build says neither good nor bad
)

// String gives the word used in reports and journals.
func (v Verdict) String() string {
	switch v {
	case Good:
		return "good"
	case Bad:
		return "bad"
	case Skip:
		return "skip"
	}
	return "unknown"
}

// VerdictOf is the verdict with a word; Unknown where there is none.
func VerdictOf(word string) Verdict {
	for _, v := range []Verdict{Good, Bad, Skip} {
		if v.String() == word {
			return v
		}
	}
	return Unknown
}

// Other is the class of a trial that failed without the scenario's signature: to the search a skip, to the
// reader another failure.
const Other = "other"

// A Point names one level on each axis of a [Space], by index, in the order of the space's axes.
type Point []int

// Equal reports whether p and q name the same levels.
func (p Point) Equal(q Point) bool { return slices.Equal(p, q) }

// With returns a copy of p that stands at level on axis.
func (p Point) With(axis, level int) Point {
	q := slices.Clone(p)
	q[axis] = level
	return q
}

// key is p in a form that can index a map.
func (p Point) key() string {
	b := make([]byte, 0, 4*len(p))
	for _, level := range p {
		b = append(b, byte(level), byte(level>>8), byte(level>>16), byte(level>>24))
	}
	return string(b)
}
