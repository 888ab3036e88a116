package bisect_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	. "buildbisect/bisect"
	"buildbisect/bisect/testkit"
)

// commits is an axis of a history in which everything contains the good commit.
func commits(t testing.TB, parents [][]int) *Axis {
	t.Helper()
	a, err := DAG("commit", parents, make([]Side, len(parents)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// midpoint starts a search of a history, tells it of both ends, and returns its first question about a
// commit.
func midpoint(b *testing.B, parents [][]int) (*Search, Question) {
	b.Helper()
	space, err := NewSpace(commits(b, parents))
	if err != nil {
		b.Fatal(err)
	}
	s := NewSearch(space, Options{})
	for {
		q, ok := s.Next()
		switch {
		case !ok:
			b.Fatal("the search asks nothing")
		case q.Why == Midpoint:
			return s, q
		case q.Point.Equal(space.Bad()):
			tell(b, s, q, Bad)
		default:
			tell(b, s, q, Good)
		}
	}
}

func tell(b *testing.B, s *Search, q Question, v Verdict) {
	b.Helper()
	if err := s.Tell(Trial{ID: q.ID, Point: q.Point, Verdict: v}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkMidpointOfAMergeHeavyHistory(b *testing.B) {
	const n = 80_000
	parents, merges := testkit.MergeHeavy(n)
	fmt.Printf("bench midpoint/80k/commits %d with %d merges\n", n, merges)
	first := testkit.Median(func() time.Duration { return testkit.Elapsed(func() { midpoint(b, parents) }) })
	fmt.Printf("bench midpoint/80k/first-question %v from the list of parents to the question\n", first.Round(time.Microsecond))

	for b.Loop() {
		dir := b.TempDir()
		ids := testkit.ImportHistories(b, dir, [][][]int{parents})[0]
		testkit.Git(b, dir, nil, "commit-graph", "write", "--reachable") // as a repository in use has
		span := []string{ids[n-1], "^" + ids[0]}
		read := testkit.Elapsed(func() { testkit.Git(b, dir, nil, append([]string{"rev-list", "--count"}, span...)...) })
		git := testkit.Elapsed(func() { testkit.Git(b, dir, nil, append([]string{"rev-list", "--bisect"}, span...)...) })
		fmt.Printf("bench midpoint/80k/git %v of which %v to read the history\n", git.Round(time.Millisecond), read.Round(time.Millisecond))
		fmt.Printf("bench midpoint/80k/times-faster-than-git %.0f at-least 50 (reading apart)\n", float64(git-read)/float64(first))
	}
}

func BenchmarkUpdateAfterAVerdict(b *testing.B) {
	parents, _ := testkit.MergeHeavy(80_000)
	for b.Loop() {
		first := testkit.Median(func() time.Duration { return testkit.Elapsed(func() { midpoint(b, parents) }) })
		for _, v := range []Verdict{Good, Bad, Skip} {
			update := testkit.Median(func() time.Duration {
				s, q := midpoint(b, parents)
				return testkit.Elapsed(func() {
					tell(b, s, q, v)
					if _, ok := s.Next(); !ok {
						b.Fatal("the search has ended")
					}
				})
			})
			fmt.Printf("bench midpoint/80k/after-%v %v at-most %v, the first question\n", v, update.Round(time.Microsecond), first.Round(time.Microsecond))
		}
	}
}

func BenchmarkFirstProbeOfAMillionCommits(b *testing.B) {
	for b.Loop() {
		for _, n := range []int{80_000, 1_000_000} {
			before := footprint()
			parents, merges := testkit.MergeHeavy(n)
			history := footprint()
			var s *Search
			took := testkit.Elapsed(func() { s, _ = midpoint(b, parents) })
			after := inUse() // garbage included: the most that there was
			kept := footprint()
			runtime.KeepAlive(s)
			runtime.KeepAlive(parents)
			fmt.Printf("bench first-probe/%dk/time %v at-most 5s for a million (%d merges)\n", n/1000, took.Round(time.Millisecond), merges)
			fmt.Printf("bench first-probe/%dk/memory %d MiB at-most 1024 MiB for a million (the history's own %d MiB among them; kept %d MiB)\n",
				n/1000, (after-before)>>20, (history-before)>>20, (kept-before)>>20)
		}
	}
}

// inUse is the memory that the process has from the system, in bytes.
func inUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// footprint is inUse when what is not needed is given back.
func footprint() int64 {
	debug.FreeOSMemory()
	return inUse()
}
