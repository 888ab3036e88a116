package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// endLines is how much of an end's log is shown.
const endLines = 10

// ends shows what the two ends said, where they do not bracket or do not differ.
func (r *Report) ends(b *strings.Builder) {
	if r.Outcome != "not-bracketed" && r.Outcome != "no-culprit" {
		return
	}
	names := []string{r.word(r.sought()), r.word(r.former())}
	for i, point := range r.endPoints() {
		at := slices.DeleteFunc(r.byID(), func(t Trial) bool { return !t.Point.equal(point) })
		fmt.Fprintf(b, "\n%s end, %s\n", names[i], r.told(at))
		shown := at[max(0, slices.IndexFunc(at, func(t Trial) bool { return t.Verdict != "skip" }))]
		if r.Outcome != "not-bracketed" || shown.Tail == "" {
			continue
		}
		lines := strings.Split(shown.Tail, "\n")
		for _, line := range lines[max(0, len(lines)-endLines):] {
			fmt.Fprintf(b, "   | %s\n", Clean(line))
		}
	}
}

// endPoints are the new end and the old one, as far as they were built. A search builds the new one first.
// Where the old one was searched for backwards, it is the last that was tried.
func (r *Report) endPoints() []Point {
	var points []Point
	for _, t := range r.byID() {
		isEnd := t.Why == "endpoint" || t.Why == "good-search"
		if isEnd && !slices.ContainsFunc(points, t.Point.equal) {
			points = append(points, t.Point)
		}
	}
	if len(points) > 2 {
		points = []Point{points[0], points[len(points)-1]}
	}
	return points
}

// byID is a copy of the trials in the order they were begun: with several workers they end in another.
func (r *Report) byID() []Trial {
	return slices.SortedFunc(slices.Values(r.Trials), func(a, b Trial) int { return cmp.Compare(a.ID, b.ID) })
}

// told says what the trials at one point, at least one, answered.
func (r *Report) told(at []Trial) string {
	point := Clean(at[0].Point.String())
	if len(at) == 1 {
		return fmt.Sprintf("%s at %s: %s (%s)", ids([]int{at[0].ID}), point, r.word(at[0].Verdict), Clean(at[0].Reason))
	}
	var list []int
	seen := map[string]int{}
	for _, t := range at {
		list = append(list, t.ID)
		seen[t.Verdict]++
	}
	text := fmt.Sprintf("%s at %s: %d %s, %d %s", ids(list), point, seen["bad"], r.word("bad"), seen["good"], r.word("good"))
	if seen["skip"] > 0 {
		text += fmt.Sprintf(", %d could not be judged", seen["skip"])
	}
	return text
}
