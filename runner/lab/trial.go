package lab

import (
	"strings"
	"time"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/runner/redact"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// Trial is one build and what it said.
type Trial struct {
	scenarios.Judgement
	Stage  string        // the last one that ran
	Exit   int           // its status
	Took   time.Duration // the stages alone
	Wall   time.Duration // with everything around them
	Image  string        // the engine's id
	Tree   string
	Lines  []string // that matched the signature
	Tail   []string // the last lines of the log
	Stages []StageRun
}

// StageRun is one stage of a trial. Offset is where its output starts in the trial's log, in bytes.
type StageRun struct {
	Name    string  `json:"name"`
	Exit    int     `json:"exit"`
	Seconds float64 `json:"seconds"`
	Offset  int64   `json:"offset"`
	Limit   string  `json:"limit,omitempty"` // key of the one of builder.resources that ended it; "": none
}

// Lasting reports a skip that another build would end in as well: no stage ran, since its files or its tools
// cannot be had so. What the engine or the network do is no skip.
func (t *Trial) Lasting() bool { return t.Verdict == bisect.Skip && t.Stage == "" }

// FillRow writes what a trial said into its row of the report.
func (t *Trial) FillRow(row *report.Trial) {
	row.Verdict, row.Class, row.Reason = t.Verdict.String(), t.Class, t.Reason
	row.Stage, row.Exit, row.Seconds, row.Wall = t.Stage, t.Exit, t.Took.Seconds(), t.Wall.Seconds()
	row.Image, row.Tree, row.Tail = t.Image, t.Tree, strings.Join(t.Tail, "\n")
}

// ForSearch is a trial as the search is told of it.
func (t *Trial) ForSearch(s *space.Space, id int, p bisect.Point) bisect.Trial {
	out := bisect.Trial{ID: id, Point: p, Verdict: s.Turned(t.Verdict), Class: t.Class}
	if t.Verdict == bisect.Skip {
		out.Symptom, out.Lasting = t.Stage+": "+normalize(t.Reason), t.Lasting()
	}
	return out
}

// redact hides secrets in what a trial says. Its output was redacted as it came; but lines are put together
// anew here, without what stood between them.
func (t *Trial) redact(s *redact.Secrets) {
	if s == nil {
		return
	}
	t.Reason, t.Line = s.Text(t.Reason), s.Text(t.Line)
	for i := range t.Lines {
		t.Lines[i] = s.Text(t.Lines[i])
	}
	if tail := strings.Join(t.Tail, "\n"); s.Text(tail) != tail {
		t.Tail = strings.Split(s.Text(tail), "\n")
	}
}
