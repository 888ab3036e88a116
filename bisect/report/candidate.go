package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Candidate is a point that skips, noise or the end of a budget left undecided.
type Candidate struct {
	Point       Point   `json:"point"`
	Probability float64 `json:"probability"`
	Subject     string  `json:"subject,omitempty"` // of the commit
	// GoodEnd says that its commit is the old end's, from which the search began (the good end, or in a
	// search for a repair the bad one): then no commit is to blame.
	GoodEnd bool `json:"no-commit,omitempty"`
}

// listed is how many of the points left undecided are printed, and how many trials that could not be judged.
const listed = 20

func (r *Report) undecided(b *strings.Builder) {
	if len(r.Candidates) == 0 {
		if r.Stopped != "" {
			fmt.Fprintf(b, "\nstopped when %s; what was not built by then is not known\n", r.budget())
		}
		return
	}
	shared, commits := sharedBeside(r.Candidates)
	where := " lies at one of"
	switch {
	case commits:
		n, none := len(r.Candidates), ""
		if slices.ContainsFunc(r.Candidates, func(c Candidate) bool { return c.GoodEnd }) {
			n, none = n-1, " or none"
		}
		these := fmt.Sprintf("these %d", n)
		if r.MoreCandidates {
			these = fmt.Sprintf("more than %d", n)
		}
		where = fmt.Sprintf("%s is one of %s commits%s, %s", with(shared), these, none, r.apart())
	case r.MoreCandidates:
		where = fmt.Sprintf(" lies at one of more than %d points", len(r.Candidates))
	case len(r.Candidates) == 1:
		where = " lies at"
	}
	fmt.Fprintf(b, "\n%s; the %s%s:\n", r.obstacle(), r.object(), where)
	likeliest := slices.SortedStableFunc(slices.Values(r.Candidates), func(a, b Candidate) int { return cmp.Compare(b.Probability, a.Probability) })
	for _, c := range likeliest[:min(listed, len(likeliest))] {
		fmt.Fprintf(b, "   %4s %%  %s\n", Percent(c.Probability), Clean(c.words(commits)))
	}
	more(b, len(likeliest))
	r.skips(b)
}

// words names a candidate: by its commit alone, where the rest was said before.
func (c Candidate) words(commitOnly bool) string {
	commit, ok := c.Point["commit"]
	if !ok {
		return c.Point.String()
	}
	text := Level("commit", commit)
	if c.GoodEnd {
		text = "no commit"
	} else if c.Subject != "" {
		text += fmt.Sprintf(" %q", c.Subject)
	}
	if rest := c.Point.without("commit"); !commitOnly && len(rest) > 0 {
		text += ", " + rest.String()
	}
	return text
}

// sharedBeside reports whether several candidates differ in nothing but their commit, and what they share.
func sharedBeside(list []Candidate) (Point, bool) {
	shared := list[0].Point.without("commit")
	for _, c := range list {
		if c.Point["commit"] == nil || !c.Point.without("commit").equal(shared) {
			return nil, false
		}
	}
	return shared, len(list) > 1
}

func with(p Point) string {
	if len(p) == 0 {
		return ""
	}
	return ", with " + Clean(p.String()) + ","
}

// obstacle is what kept the search from deciding.
func (r *Report) obstacle() string {
	switch {
	case r.Stopped != "":
		return "not decided when " + r.budget()
	case r.Noise != nil && !r.blocked():
		return "not decided, because the noise leaves it open"
	}
	return "not decided, because builds in between could not be judged"
}

// apart says whether more builds would have told the candidates apart.
func (r *Report) apart() string {
	if r.Stopped != "" || r.Noise != nil && !r.blocked() {
		return "which are not told apart yet"
	}
	return "which cannot be told apart"
}

func (r *Report) budget() string {
	switch r.Stopped {
	case "max-trials":
		return "the builds allowed (max-trials) were used up"
	case "max-time":
		return "the time allowed (max-time) was up"
	case "interrupted":
		return "the search was interrupted"
	}
	return fmt.Sprintf("the search was stopped (%s)", Clean(r.Stopped))
}

// blocked reports whether builds that could not be judged, not noise, kept the search from deciding.
func (r *Report) blocked() bool { return r.Outcome == "inconclusive" && len(r.unjudged()) > 0 }

// unjudged groups the trials at points of which nothing but skips was seen, by point, in the order begun.
func (r *Report) unjudged() (groups [][]Trial) {
	place := map[string]int{} // of a point among all
	for _, t := range r.byID() {
		named, _ := json.Marshal(t.Point) // keys sorted, levels whole
		key := string(named)
		if _, known := place[key]; !known {
			place[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[place[key]] = append(groups[place[key]], t)
	}
	judged := func(t Trial) bool { return t.Verdict != "skip" }
	return slices.DeleteFunc(groups, func(at []Trial) bool { return slices.ContainsFunc(at, judged) })
}

func (r *Report) skips(b *strings.Builder) {
	groups := r.unjudged()
	for _, at := range groups[:min(listed, len(groups))] {
		var list []int
		for _, t := range at {
			list = append(list, t.ID)
		}
		fmt.Fprintf(b, "   %s could not be judged: %s: %s\n", ids(list), Clean(at[0].Point.String()), Clean(at[len(at)-1].Reason))
	}
	more(b, len(groups))
}

func more(b *strings.Builder, n int) {
	if n > listed {
		fmt.Fprintf(b, "   and %d more, in report.json\n", n-listed)
	}
}
