package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"buildbisect/runner/backend"
	"buildbisect/runner/session"
)

// sweepDead removes at the start of a session what dead ones left. What goes wrong with that is no reason not
// to start.
func (s *job) sweepDead(ctx context.Context, reaper backend.Reaper) {
	ctx, cancel := context.WithTimeout(ctx, session.SweepTime)
	defer cancel()
	release, err := session.LockSweeps(ctx, s.cache)
	if err != nil {
		s.progress.Warn("what killed runs left stays for now: " + err.Error())
		return
	}
	defer release()
	sweeper := session.Sweeper{Backend: reaper, Cache: s.cache, Here: s.lease.Owner}
	found, err := sweeper.Scan(ctx)
	if err == nil {
		s.others = len(slices.DeleteFunc(found.Alive, func(o session.Owner) bool { return o.Session == s.lease.Owner.Session }))
		var removed []backend.Resource
		if removed, err = sweeper.Clear(ctx, found); len(removed) > 0 {
			s.progress.Line("removed " + counted(removed) + " of " + killed(found.Runs()))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.progress.Warn("what killed runs left stays for now: " + err.Error())
	}
}

// counted says how many things there are of each kind.
func counted(things []backend.Resource) string {
	number := map[string]int{}
	for _, t := range things {
		number[t.Kind]++
	}
	var words []string
	for _, kind := range []string{backend.KindContainer, backend.KindNetwork, backend.KindVolume, backend.KindImage} {
		if number[kind] > 0 {
			words = append(words, english.Plural(number[kind], kind, ""))
		}
	}
	return english.WordSeries(words, "and")
}

// killed names runs; of many only the first few.
func killed(runs []string) string {
	const most = 3
	names := strings.Join(runs[:min(most, len(runs))], ", ")
	if len(runs) > most {
		names += " and others"
	}
	if len(runs) == 1 {
		return "a run that was killed (" + names + ")"
	}
	return fmt.Sprintf("%d runs that were killed (%s)", len(runs), names)
}
