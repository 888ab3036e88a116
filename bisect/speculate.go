package bisect

import "slices"

// mostGuesses bounds how many combinations of verdicts are imagined for one question, and noisyGuesses where
// each of them is a posterior of its own.
const (
	mostGuesses  = 64
	noisyGuesses = 16
)

// guess is a search that was told imagined verdicts, and how likely those are together.
type guess struct {
	search *Search
	chance float64
}

// speculate finds a question for a worker that is free while all that could be asked at once is in flight:
// the one most likely to be asked next. It imagines verdicts for what is in flight, the likeliest first. One
// step at a time this builds the most probable part of the tree of decisions, which is what the tests ahead
// of a bisection are in mozregression and LUCI.
func (s *Search) speculate() (Question, state) {
	guesses := []guess{{s.clone(), 1}}
	most := mostGuesses
	if s.noise.on {
		most = noisyGuesses
	}
	for n := 0; len(guesses) > 0 && n < most; n++ {
		likeliest := 0
		for i := range guesses {
			if guesses[i].chance > guesses[likeliest].chance {
				likeliest = i
			}
		}
		g := guesses[likeliest]
		guesses = slices.Delete(guesses, likeliest, likeliest+1)
		if n > 0 {
			q, state := g.search.advance()
			switch {
			case state == settled, state == draining:
				continue
			case state == asked && q.Why == Drift: // that is for the very end
				continue
			case state == asked:
				if s.inFlight(q.Point) > 0 && (!q.Repeat || s.skipped(q.Point)) {
					continue
				}
				return q, asked
			case len(g.search.pending) == 0:
				continue
			}
		}
		q := g.search.pending[0]
		bad, skip := g.search.chanceBad(q), 0.0
		if g.search.at(q.Point) == Skip {
			bad, skip = 0, 1
		}
		for _, branch := range []struct {
			verdict Verdict
			chance  float64
		}{{Bad, bad}, {Good, 1 - bad - skip}, {Skip, skip}} {
			if branch.chance > 0 {
				c := g.search.clone()
				l, _ := c.looked(q.Point)
				c.answer(0, Trial{ID: q.ID, Point: q.Point, Verdict: branch.verdict, Symptom: l.symptom})
				if c.noise.on == s.noise.on { // a build that contradicts itself is not to be reckoned with
					guesses = append(guesses, guess{c, g.chance * branch.chance})
				}
			}
		}
	}
	return Question{}, waiting
}

// chanceBad is how likely the answer to a question in flight is bad, by now.
func (k *knowledge) chanceBad(q Question) float64 {
	if implied := k.implied(q.Point); implied != Unknown && !k.noise.on {
		if implied == Bad {
			return 1
		}
		return 0
	}
	return q.chance
}

// implied is what the other trials say of p if moving toward bad never repairs.
func (e *evidence) implied(p Point) Verdict {
	if _, good := e.good(p); good {
		return Good
	}
	if slices.ContainsFunc(e.bads, func(t Trial) bool { return e.space.Leq(t.Point, p) }) {
		return Bad
	}
	return Unknown
}

// Obsolete lists the questions in flight whose answers are implied by what was told since they were asked.
func (s *Search) Obsolete() []int {
	var ids []int
	for _, q := range s.pending {
		switch q.Why {
		case Relevance, LevelStep, Midpoint, Blamed, Certificate:
			if !s.noise.on && len(s.turns) == 0 && s.implied(q.Point) != Unknown { //mutate:obsolete
				ids = append(ids, q.ID)
			}
		}
	}
	return ids
}
