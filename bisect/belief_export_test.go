package bisect

// A Belief is what a noisy search believes, for the tests that bring their own histories.
type Belief = belief

func NewBelief(space *Space) *Belief {
	return newBelief(space, space.Bad(), beliefOptions{flake: flakePrior})
}

func (b *belief) Observe(q Point, bad bool)   { b.observe(q, bad) }
func (b *belief) Ask() (Point, float64, bool) { return b.ask(nil) }

// ListedForSums is how many commits an axis lists to sum over ancestors.
func (a *Axis) ListedForSums() int {
	n := 0
	for _, list := range newPoset(a, a.Len()-1).extra {
		n += len(list)
	}
	return n
}
