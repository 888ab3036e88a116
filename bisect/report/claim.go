package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// claim is a cause, or a repair in the shape of one, with the verdicts at its point and below it.
type claim struct {
	Cause
	at, below string
}

func (r *Report) claims() []claim {
	var list []claim
	for _, c := range r.Causes {
		list = append(list, claim{at: "bad", below: "good", Cause: c})
	}
	for _, m := range r.Repairs {
		list = append(list, m.claim())
	}
	return list
}

// rows writes evidence in two columns.
type rows struct {
	b      *strings.Builder
	indent string
	width  int // of the names, in characters
}

// add writes each text on a row; the first carries the name.
func (w rows) add(name string, texts ...string) {
	for _, text := range texts {
		fmt.Fprintf(w.b, "%s%-*s %s\n", w.indent, w.width, name, text)
		name = ""
	}
}

func (r *Report) proof(b *strings.Builder, c claim) {
	at, below := r.word(c.at), r.word(c.below)
	w := rows{b: b, indent: "   ", width: max(10, utf8.RuneCountInString(at), utf8.RuneCountInString(below))}
	w.add("log", cleaned(c.Lines)...)
	for i, repair := range c.Repairs {
		// With several causes each has to be repaired.
		name := "repair"
		if len(r.Causes) > 1 {
			name = "repair it"
		}
		w.add([]string{name, "or"}[min(i, 1)], Clean(repair))
	}
	w.add(at, ids(c.Witnesses.Bad))
	witnesses := slices.Clone(c.Witnesses.Bad)
	var steps []string
	for _, step := range c.Witnesses.Good {
		steps = append(steps, fmt.Sprintf("%s: %s", Clean(step.Step.String()), ids(step.Trials)))
		witnesses = append(witnesses, step.Trials...)
	}
	w.add(below, steps...)
	if c.Confidence != nil {
		r.modelled(w, c)
	} else {
		w.add("confirmed", c.repeats())
	}
	r.standIns(b, w.indent+strings.Repeat(" ", w.width+1), witnesses)
	w.add("reproduce", commands(c.Reproduce)...)
}

// modelled says how sure a claim is where no single build decides. A confidence is printed only where it was
// computed.
func (r *Report) modelled(w rows, c claim) {
	w.add("confidence", Percent(*c.Confidence)+" %: noise was modelled")
	var tallies []string
	for _, t := range c.Tally {
		switch {
		case t.builds() == 0:
		case t.Point.equal(c.Point):
			tallies = append(tallies, fmt.Sprintf("%s %d of %d here", r.word(c.at), t.Bad, t.builds()))
		default:
			tallies = append(tallies, fmt.Sprintf("%s %d of %d just below, at %s", r.word(c.below), t.Good, t.builds(), Clean(t.Point.beside(c.Point).String())))
		}
	}
	w.add("builds", tallies...)
}

// repeats says how often each part of the claim was seen.
func (c claim) repeats() string {
	switch {
	case c.Confirmed < c.Wanted:
		return fmt.Sprintf("only %d of %d times: repeats could not be judged", c.Confirmed, c.Wanted)
	case c.Confirmed == 1:
		return "every part built once"
	}
	return fmt.Sprintf("every part built %d times, always with the same verdict", c.Confirmed)
}

// standIns says of those trials that answered for other points where they were built.
func (r *Report) standIns(b *strings.Builder, indent string, ids []int) {
	for _, t := range r.Trials {
		if len(t.StandsFor) > 0 && slices.Contains(ids, t.ID) {
			fmt.Fprintf(b, "%strial %d was built at %s; it stands for what has the same tree and image\n", indent, t.ID, Clean(t.Point.String()))
		}
	}
}

func cleaned(texts []string) []string {
	var clean []string
	for _, text := range texts {
		clean = append(clean, Clean(text))
	}
	return clean
}

// commands cleans command lines. Their lines stay lines, and are not indented: they are to be pasted.
func commands(list []string) []string {
	var clean []string
	for _, command := range list {
		clean = append(clean, strings.Join(cleaned(strings.Split(command, "\n")), "\n"))
	}
	return clean
}
