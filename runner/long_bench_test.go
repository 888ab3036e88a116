package runner_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// BenchmarkALongRun tells what a run of 10,000 builds keeps in memory for each, where each prints more than
// is kept of it.
func BenchmarkALongRun(b *testing.B) {
	noise := strings.Repeat("a line of a build that says nothing in particular\n", 100)
	for b.Loop() {
		e := &engine{build: func(_ context.Context, files map[string]string, env []string, out io.Writer) (backend.Exit, error) {
			fmt.Fprint(out, noise)
			return failing(3, "error: broken")(nil, files, env, out)
		}}
		r := newRun(b, e, lineOf(5), &scenarios.Scenario{Confirm: 5000})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		rep, err := r.Do(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(len(rep.Trials)), "trials")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e3/float64(len(rep.Trials)), "kB/trial")
		runtime.KeepAlive(r)
	}
}
