package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// Text writes the report for a reader: the summary first, then each cause with its evidence, then what is not known.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", Clean(r.Summary))
	if r.Outcome == "inconsistent" && len(r.Causes) > 0 {
		b.WriteString("\nseen before the contradiction, and no longer claimed:\n")
	}
	for i, c := range r.Causes {
		fmt.Fprintf(&b, "\n%d. %s\n", i+1, Clean(c.Sentence))
		r.cause(&b, &c, "   ")
	}
	r.ends(&b)
	r.undecided(&b)
	r.failures(&b)
	r.unproved(&b)
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", Clean(n))
	}
	fmt.Fprintf(&b, "\n%s, %s", count(r.Probes, "probe"), count(len(r.Trials), "build"))
	if r.Run != "" {
		fmt.Fprintf(&b, "; logs and report.json in %s", r.Run)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) cause(b *strings.Builder, c *Cause, indent string) {
	field := func(name, text string) { fmt.Fprintf(b, "%s%-10s %s\n", indent, name, text) }
	for i, line := range c.Lines {
		field([]string{"log", ""}[min(i, 1)], Clean(line))
	}
	for i, repair := range c.Repairs {
		// With several causes each has to be repaired.
		name := "repair"
		if len(r.Causes) > 1 {
			name = "repair it"
		}
		field([]string{name, "or"}[min(i, 1)], Clean(repair))
	}
	field("bad", ids(c.Witnesses.Bad))
	for i, g := range c.Witnesses.Good {
		field([]string{"good", ""}[min(i, 1)], fmt.Sprintf("%s: %s", Clean(g.Step.String()), ids(g.Trials)))
	}
	switch {
	case c.Confirmed < c.Wanted:
		field("confirmed", fmt.Sprintf("only %d of %d times: repeats could not be judged", c.Confirmed, c.Wanted))
	case c.Confirmed == 1:
		field("confirmed", "every part built once")
	default:
		field("confirmed", fmt.Sprintf("every part built %d times, always with the same verdict", c.Confirmed))
	}
	witnesses := slices.Clone(c.Witnesses.Bad)
	for _, g := range c.Witnesses.Good {
		witnesses = append(witnesses, g.Trials...)
	}
	r.standIns(b, indent+strings.Repeat(" ", 11), witnesses)
	for i, command := range c.Reproduce {
		// Lines stay lines, and are not indented: they are to be pasted.
		lines := strings.Split(command, "\n")
		for i, line := range lines {
			lines[i] = Clean(line)
		}
		field([]string{"reproduce", ""}[min(i, 1)], strings.Join(lines, "\n"))
	}
}

// standIns says of those trials that answered for other points where they were built.
func (r *Report) standIns(b *strings.Builder, indent string, ids []int) {
	for _, t := range r.Trials {
		if len(t.StandsFor) > 0 && slices.Contains(ids, t.ID) {
			fmt.Fprintf(b, "%strial %d was built at %s; it stands for what has the same tree and image\n", indent, t.ID, Clean(t.Point.String()))
		}
	}
}

// endLines is how much of an end's log is shown.
const endLines = 10

// ends shows what the two ends said, where they do not bracket. A search builds the bad one first.
func (r *Report) ends(b *strings.Builder) {
	if r.Outcome != "not-bracketed" {
		return
	}
	names := []string{"bad end", "good end"}
	for _, t := range r.Trials {
		if t.Why != "endpoint" || len(names) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s, trial %d at %s: %s (%s)\n", names[0], t.ID, Clean(t.Point.String()), t.Verdict, Clean(t.Reason))
		names = names[1:]
		if t.Tail == "" {
			continue
		}
		lines := strings.Split(t.Tail, "\n")
		for _, line := range lines[max(0, len(lines)-endLines):] {
			fmt.Fprintf(b, "   | %s\n", Clean(line))
		}
	}
}

// candidatesShown is how many of the points left undecided are printed.
const candidatesShown = 20

func (r *Report) undecided(b *strings.Builder) {
	if len(r.Candidates) == 0 {
		return
	}
	b.WriteString("\nnot decided, because builds in between could not be judged; the cause lies at one of:\n")
	likeliest := slices.Clone(r.Candidates)
	slices.SortStableFunc(likeliest, func(a, b Candidate) int { return cmp.Compare(b.Probability, a.Probability) })
	for i, c := range likeliest {
		if i == candidatesShown {
			fmt.Fprintf(b, "   and %d more, in report.json\n", len(likeliest)-i)
			break
		}
		fmt.Fprintf(b, "   %3.0f %%  %s\n", 100*c.Probability, Clean(c.Point.String()))
	}
	for _, t := range r.Trials {
		if t.Verdict == "skip" {
			fmt.Fprintf(b, "   trial %d could not be judged: %s: %s\n", t.ID, Clean(t.Point.String()), Clean(t.Reason))
		}
	}
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

func (r *Report) unproved(b *strings.Builder) {
	if len(r.Contradictions) > 0 {
		b.WriteString("\nverdicts contradict each other:\n")
		for _, c := range r.Contradictions {
			fmt.Fprintf(b, "   trial %d is bad, trial %d at or above it is good\n", c.Bad, c.Good)
			r.standIns(b, "   ", []int{c.Bad, c.Good})
		}
	}
	if len(r.Untested) > 0 {
		b.WriteString("\nnot tested, so another cause may hide here:\n")
		for _, u := range r.Untested {
			fmt.Fprintf(b, "   %s (%s)\n", Clean(u.Point.String()), u.Why)
		}
	}
}

// String lists the point's levels, the commit first, the others by key.
func (p Point) String() string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if (keys[i] == "commit") != (keys[j] == "commit") {
			return keys[i] == "commit"
		}
		return keys[i] < keys[j]
	})
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = Level(k, p[k])
	}
	return strings.Join(parts, ", ")
}

// Level says an axis's level in words: "docker 19.03.13", "no buildx", "NAME=value", "NAME unset", "commit 1a2b3c4d5e".
func Level(axis string, level *string) string {
	name, isEnv := strings.CutPrefix(axis, "env.")
	switch {
	case isEnv && level == nil:
		return name + " unset"
	case isEnv:
		return name + "=" + *level
	case level == nil:
		return "no " + name
	case axis == "commit":
		return "commit " + Short(*level)
	}
	return name + " " + *level
}

// Short abbreviates a commit id.
func Short(id string) string { return id[:min(len(id), 10)] }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func ids(list []int) string {
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
	if len(list) == 1 {
		return "trial " + text
	}
	return "trials " + text
}

// Clean makes text of a build or a commit safe for a terminal: control characters, which could move the cursor or hide
// words, become question marks, and so do the marks that reverse the direction of text.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if hostile(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// hostile reports characters that move a terminal's cursor, or hide or reverse what it shows.
func hostile(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
