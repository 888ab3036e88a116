package report

import (
	"fmt"
	"strings"
)

// Transition is a pair of neighbouring points, one level apart on one axis, that were seen with different
// verdicts.
type Transition struct {
	Axis       string `json:"axis"`
	From       Point  `json:"from"`
	To         Point  `json:"to"` // the one nearer to the new end
	FromTrials []int  `json:"from-trials"`
	ToTrials   []int  `json:"to-trials"`
	Kind       string `json:"kind"` // breaks or repairs, going from From to To
}

func (r *Report) transitions(b *strings.Builder) {
	var header []string
	if len(r.NotMonotone) > 0 {
		header = append(header, "not monotone: "+Clean(strings.Join(r.NotMonotone, ", ")))
	}
	if len(r.Transitions) > 0 {
		header = append(header, "transitions seen:")
	}
	if len(header) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", strings.Join(header, "; "))
	for _, t := range r.Transitions {
		from, to := "good", "bad"
		if t.Kind == "repairs" {
			from, to = to, from
		}
		fmt.Fprintf(b, "   from %s to %s%s the build turns from %s (%s) to %s (%s)\n", Clean(Level(t.Axis, t.From[t.Axis])), Clean(Level(t.Axis, t.To[t.Axis])),
			with(t.To.without(t.Axis)), r.word(from), ids(t.FromTrials), r.word(to), ids(t.ToTrials))
	}
	if r.Walked {
		b.WriteString("   every level was tried\n")
	} else {
		b.WriteString("   there may be more: not every level was tried (--all-transitions tries them)\n")
	}
}
