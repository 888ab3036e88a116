package report

import (
	"fmt"
	"strings"
)

// Noise is what a search learned of builds that do not always answer alike.
type Noise struct {
	Broken  Rate    `json:"broken"`  // of bad verdicts where the build is broken
	Healthy Rate    `json:"healthy"` // of bad verdicts where it is not
	Flake   float64 `json:"flake"`   // probability that nothing changed between the ends
}

// Rate is a probability with the bounds it was estimated within; equal ones where it was given.
type Rate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (r *Report) noise(b *strings.Builder) {
	if r.Noise == nil {
		return
	}
	b.WriteString("\n")
	if r.Outcome != "no-culprit" { // else there is neither
		fmt.Fprintf(b, "a broken build fails %s of the time%s, a healthy one %s%s\n",
			r.Noise.Broken.mean(), r.Noise.Broken.bounds(), r.Noise.Healthy.mean(), r.Noise.Healthy.bounds())
	}
	// What would be printed as 0 is left to the document: it is small, and not nothing.
	if flake := Percent(r.Noise.Flake); flake != "0" {
		fmt.Fprintf(b, "probability that nothing changed and it was a flake: %s %%\n", flake)
	}
}

func (p Rate) mean() string { return Percent(p.Mean) + " %" }

func (p Rate) bounds() string {
	if p.Low == p.High {
		return ""
	}
	return fmt.Sprintf(" (%s-%s %%)", Percent(p.Low), Percent(p.High))
}
