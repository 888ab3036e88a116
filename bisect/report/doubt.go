package report

import (
	"fmt"
	"strings"
)

// Untested is a point that keeps the certificate from being complete.
type Untested struct {
	Point Point  `json:"point"`
	Why   string `json:"why"`
	Cost  int    `json:"cost"`
}

// Failure is a trial that failed without the scenario's signature.
type Failure struct {
	Trial int    `json:"trial"`
	Point Point  `json:"point"`
	Line  string `json:"line"` // normalized
}

// Conflict is a bad trial with a good one at or above it; in a search for a repair, a good one with a bad one
// at or above it.
type Conflict struct {
	Bad  int `json:"bad"`
	Good int `json:"good"`
}

func (r *Report) failures(b *strings.Builder) {
	if len(r.FailsDifferently) == 0 {
		return
	}
	b.WriteString("\nfails differently, without the scenario's signature:\n")
	for _, f := range r.FailsDifferently {
		fmt.Fprintf(b, "   trial %d: %s\n      %s\n", f.Trial, Clean(f.Point.String()), Clean(f.Line))
	}
}

func (r *Report) conflicts(b *strings.Builder) {
	if len(r.Contradictions) == 0 {
		return
	}
	b.WriteString("\nverdicts contradict each other:\n")
	for _, c := range r.Contradictions {
		lower, upper := c.Bad, c.Good
		if r.Repair {
			lower, upper = upper, lower
		}
		fmt.Fprintf(b, "   trial %d is %s, trial %d at or above it is %s\n", lower, r.word(r.sought()), upper, r.word(r.former()))
		r.standIns(b, "   ", []int{c.Bad, c.Good})
	}
}

func (r *Report) untested(b *strings.Builder) {
	if len(r.Untested) == 0 {
		return
	}
	fmt.Fprintf(b, "\nnot tested, so another %s may hide here:\n", r.object())
	for _, u := range r.Untested {
		fmt.Fprintf(b, "   %s (%s)\n", Clean(u.Point.String()), Clean(u.Why))
	}
}

// assumptions prints what was assumed besides monotony, which the summary speaks of, and what else the reader
// should know.
func (r *Report) assumptions(b *strings.Builder) {
	var lines []string
	for _, a := range r.Assumes {
		if a != "monotone" {
			lines = append(lines, "assumes: "+a)
		}
	}
	for _, l := range r.Loosened {
		lines = append(lines, "loosened: "+l.String())
	}
	for _, n := range r.Notes {
		lines = append(lines, "note: "+n)
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "\n%s\n", strings.Join(cleaned(lines), "\n"))
	}
}
