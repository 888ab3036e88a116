package report

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the report for a reader: the summary first, then each cause with its evidence, then what is not
// known.
func (r *Report) Text(w io.Writer) error {
	document, err := r.readBack()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, document.text())
	return err
}

func (r *Report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", Clean(r.Summary))
	claims := r.claims()
	if r.Outcome == "inconsistent" && len(claims) > 0 {
		b.WriteString("\nseen before the contradiction, and no longer claimed:\n")
	}
	for i, c := range claims {
		fmt.Fprintf(&b, "\n%d. %s\n", i+1, Clean(c.Sentence))
		r.proof(&b, c)
	}
	r.noise(&b)
	r.ends(&b)
	r.undecided(&b)
	r.transitions(&b)
	r.failures(&b)
	r.conflicts(&b)
	r.untested(&b)
	r.assumptions(&b)
	r.parts(&b)
	r.footer(&b)
	return b.String()
}

func (r *Report) footer(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s, %s", count(r.Probes, "probe"), count(len(r.Trials), "build"))
	if r.Cancelled > 0 {
		fmt.Fprintf(b, " (%d more cancelled)", r.Cancelled)
	}
	if r.Run != "" {
		fmt.Fprintf(b, "; logs and report.json in %s", r.Run)
	}
	b.WriteByte('\n')
}
