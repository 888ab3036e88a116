package bisect

import "slices"

// knowledge is the evidence with what the search has concluded from it, and with what is being built. It says
// which question on an axis tells most and whether a claim is proved. Which claim comes next is for the
// [Search] to decide.
type knowledge struct {
	evidence
	pending   []Question // in flight, in the order asked
	probes    int
	causes    []Point // minimal failing points, in the order found
	confirmed int     // how many of causes have been through confirmation
	refused   []Point // turned out not to be minimal, or not to be provable
	conflicts []Conflict
	turns     []turn // where the order was seen to be broken
	noise     noise
}

func (k knowledge) clone() knowledge {
	k.evidence, k.noise = k.evidence.clone(), k.noise.clone()
	k.pending, k.causes, k.refused = slices.Clip(k.pending), slices.Clip(k.causes), slices.Clip(k.refused)
	k.conflicts, k.turns = slices.Clip(k.conflicts), slices.Clip(k.turns)
	return k
}
