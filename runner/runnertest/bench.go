package runnertest

import (
	"testing"
	"time"

	"buildbisect/bisect"
)

// FirstLine measures a trial of a small tree: from the call to the first line of the build's output, and to
// the end of the trial.
func FirstLine(b *testing.B, bench Bench) {
	id, err := bench.Engine.Load(b.Context(), bench.Image)
	if err != nil {
		b.Fatal(err)
	}
	lab, point := (&suite{bench, id}).lab(b, "echo begun")
	var first, whole time.Duration
	for n := 0; b.Loop(); n++ {
		out := &clock{began: time.Now()}
		trial, err := lab.Try(b.Context(), n, point, out)
		if err != nil || trial.Verdict != bisect.Good {
			b.Fatal(trial.Verdict, err)
		}
		first += out.first
		whole += time.Since(out.began)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(ms(first), "first-line-ms")
	b.ReportMetric(ms(whole), "trial-ms")
}

// clock notes when the first bytes come.
type clock struct {
	began time.Time
	first time.Duration
}

func (c *clock) Write(p []byte) (int, error) {
	if c.first == 0 {
		c.first = time.Since(c.began)
	}
	return len(p), nil
}
