package testkit

import (
	"runtime"
	"slices"
	"time"
)

// Median is the median of a few runs, so that one disturbance of the machine does not count.
func Median(run func() time.Duration) time.Duration {
	var times []time.Duration
	for range 7 {
		runtime.GC()
		times = append(times, run())
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// Elapsed is the time that run takes.
func Elapsed(run func()) time.Duration {
	begin := time.Now()
	run()
	return time.Since(begin)
}
