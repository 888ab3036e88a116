package report

// Repair is a minimal combination of changes that makes a broken build good: a cause with the two sides
// exchanged.
type Repair struct {
	Sentence   string          `json:"sentence"`
	Changes    []RepairChange  `json:"changes"`
	Point      Point           `json:"point"`
	Reproduce  []string        `json:"reproduce"`        // the command line that builds its first good trial again
	Confirmed  int             `json:"confirmed"`        // trials behind each part of the claim, at least
	Wanted     int             `json:"wanted,omitempty"` // how many were asked for
	Confidence *float64        `json:"confidence"`
	Tally      []Tally         `json:"tally,omitempty"` // where noise was modelled: at Point, then at each step below
	Witnesses  RepairWitnesses `json:"witnesses"`
}

// RepairChange is one axis's part in a repair. Bad lists the last bad levels (a merge has several), Good is
// the first good one.
type RepairChange struct {
	Axis    string    `json:"axis"`
	Bad     []*string `json:"bad"`
	Good    *string   `json:"good"`
	Subject string    `json:"subject,omitempty"` // of the commit
	Author  string    `json:"author,omitempty"`
	Date    string    `json:"date,omitempty"` // RFC 3339
}

// RepairWitnesses are the trials that prove a repair: good ones at its point, bad ones at or above each step
// down.
type RepairWitnesses struct {
	Good []int     `json:"good"`
	Bad  []Witness `json:"bad"`
}

// Repair reads a cause the other way: all that c calls bad is good, and the reverse. A search for a repair
// takes good builds for what it is after, so what it finds has the shape of a cause; this names the sides by
// what they are. The lines of the failure and the ways to undo it have no counterpart and are dropped.
func (c Cause) Repair() Repair {
	m := Repair{
		Sentence: c.Sentence, Changes: []RepairChange{}, Point: c.Point, Reproduce: c.Reproduce, Confirmed: c.Confirmed, Wanted: c.Wanted,
		Confidence: c.Confidence, Tally: exchanged(c.Tally), Witnesses: RepairWitnesses{Good: c.Witnesses.Bad, Bad: c.Witnesses.Good},
	}
	for _, change := range c.Changes {
		m.Changes = append(m.Changes, RepairChange{Axis: change.Axis, Bad: change.Good, Good: change.Bad,
			Subject: change.Subject, Author: change.Author, Date: change.Date})
	}
	return m
}

// claim is the shape that text is written from; see [Cause.Repair].
func (m Repair) claim() claim {
	return claim{at: "good", below: "bad", Cause: Cause{
		Sentence: m.Sentence, Point: m.Point, Reproduce: m.Reproduce, Confirmed: m.Confirmed, Wanted: m.Wanted,
		Confidence: m.Confidence, Tally: exchanged(m.Tally), Witnesses: Witnesses{Bad: m.Witnesses.Good, Good: m.Witnesses.Bad},
	}}
}

func exchanged(tallies []Tally) []Tally {
	var list []Tally
	for _, t := range tallies {
		list = append(list, Tally{Point: t.Point, Bad: t.Good, Good: t.Bad})
	}
	return list
}
