package bisect

// noise is what the trials say of the rates, given that some change is to blame: posterior means, and
// intervals that hold them with probability 95 %, as fine as the grid.
func (b *belief) noise() Noise {
	b.update()
	masses := make([]float64, len(b.table))
	for h, w := range b.weight {
		masses[b.classAt(h)] += w
	}
	broken, healthy := make([]float64, len(b.grid.broken)), make([]float64, len(b.grid.healthy))
	for i, mass := range masses {
		if mass == 0 {
			continue
		}
		above := tally{i / (b.all.goods + 1), i % (b.all.goods + 1)}
		pb, ph := b.grid.posterior(above, b.all.minus(above))
		for j, p := range pb {
			broken[j] += mass * p
		}
		for j, p := range ph {
			healthy[j] += mass * p
		}
	}
	return Noise{Broken: summary(b.grid.broken, broken), Healthy: summary(b.grid.healthy, healthy), Flake: b.flaky.weight}
}

// posterior is the probability of each rate, for a hypothesis with these trials at or above it and those
// elsewhere.
func (g *rateGrid) posterior(above, elsewhere tally) (broken, healthy []float64) {
	pb, _ := likelihoods(g.broken, above)
	ph, _ := likelihoods(g.healthy, elsewhere)
	broken, healthy = make([]float64, len(pb)), make([]float64, len(ph))
	sum := 0.0
	for i := range pb {
		for j := 0; j < len(ph) && j+g.gap <= i; j++ {
			p := pb[i] * ph[j]
			broken[i] += p
			healthy[j] += p
			sum += p
		}
	}
	if sum > 0 {
		for i := range broken {
			broken[i] /= sum
		}
		for j := range healthy {
			healthy[j] /= sum
		}
	}
	return broken, healthy
}

// summary of a distribution over rates, which need not add up to one.
func summary(rates []weightedRate, p []float64) Rate {
	var r Rate
	var sum, mean float64
	for i := range p {
		sum += p[i]
		mean += p[i] * rates[i].rate
	}
	if sum == 0 {
		// A flake for certain: of the two rates nothing is known.
		return Rate{Mean: 0.5, Low: 0, High: 1}
	}
	r.Mean, r.Low, r.High = mean/sum, rates[0].rate, rates[len(rates)-1].rate
	below := 0.0
	for i := range p {
		if below < 0.025*sum {
			r.Low = rates[i].rate
		}
		below += p[i]
		if below >= 0.975*sum {
			r.High = rates[i].rate
			break
		}
	}
	return r
}
