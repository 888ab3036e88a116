package report

// Terms are the reader's words for the state at the old end and for the one at the new end, as git bisect has
// them (--term-old, --term-new). Text uses them for verdicts and ends; the document's verdicts stay good, bad
// and skip.
type Terms struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// sought is the verdict at the new end, whose first appearance is searched for.
func (r *Report) sought() string {
	if r.Repair {
		return "good"
	}
	return "bad"
}

// former is the verdict at the old end.
func (r *Report) former() string {
	if r.Repair {
		return "bad"
	}
	return "good"
}

// word is what text calls a verdict.
func (r *Report) word(verdict string) string {
	switch {
	case r.Terms == nil:
		return verdict
	case verdict == r.sought():
		return Clean(r.Terms.New)
	case verdict == r.former():
		return Clean(r.Terms.Old)
	}
	return verdict
}

// object is what the search looks for.
func (r *Report) object() string {
	if r.Repair {
		return "repair"
	}
	return "cause"
}
