package bisect

// Outcome sums a search up.
type Outcome string

const (
	Isolated     Outcome = "isolated"      // at least one cause is proved
	Inconclusive Outcome = "inconclusive"  // skips or an early stop left no cause proved
	NotBracketed Outcome = "not-bracketed" // the bad end is not bad, or the good end not good
	Inconsistent Outcome = "inconsistent"  // verdicts contradict each other
)

// A Cause is a minimal failing point with the trials that prove it.
type Cause struct {
	Point     Point
	Bad       []int     // trials at the point, all bad
	Good      []Witness // one for each step down, all good
	Confirmed int       // the least number of trials that stand behind any part of the claim
}

// A Witness is a step down from a cause and the good trials at or above it.
type Witness struct {
	Step   Step
	Trials []int
}

// Candidate is a point that may be a minimal failing one, where skips kept it from being decided.
type Candidate struct {
	Point       Point
	Probability float64 // share of the prior among all candidates of its descent
}

// Untested is a point that keeps the certificate from being complete.
type Untested struct {
	Point Point
	Why   string
	Cost  int // builds it would take
}

// Contradiction is a bad build with a good one at or above it.
type Contradiction struct {
	Bad, Good Trial
}

// Finding is all that a search found, and what it did not look at.
type Finding struct {
	Outcome        Outcome
	Complete       bool // no further cause exists, as far as the order assumed holds
	Causes         []Cause
	Candidates     []Candidate
	MoreCandidates bool // than are listed; the probabilities are among those
	Untested       []Untested
	Differently    []Trial // failures without the signature
	Contradictions []Contradiction
	Aliases        []Trial // points that a trial elsewhere answered, being made of the same things
	Probes         int     // questions answered, repeats apart
}
