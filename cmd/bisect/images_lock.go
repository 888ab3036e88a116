package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images"
	"buildbisect/images/cache"
)

type imagesLockOptions struct {
	scenarios []string
	output    string // the lock file; "": beside each scenario
	offline   bool
	fresh     bool // forget what was locked
	check     bool // make and write nothing
	json      bool
	untrusted bool
}

// lockReport is what `bisect images lock --json` prints, one for each lock file.
type lockReport struct {
	Lock      string              `json:"lock"`
	Scenarios []string            `json:"scenarios"`
	Parts     int                 `json:"parts"`
	Changes   []images.LockChange `json:"changes"`         // against the lock there was
	Unasked   []string            `json:"unasked"`         // parts that none of these scenarios asks for
	Loose     []string            `json:"loose,omitempty"` // bases that can be checked, and be made again only while their suite stays as it is
	Lacks     []string            `json:"lacks,omitempty"` // with --check: parts that ought to be in it
}

func (c command) imagesLockCommand() *cli.Command {
	return &cli.Command{
		Name:      "lock",
		Usage:     "write " + images.LockName + " beside a scenario: every base, tool and engine by digest",
		ArgsUsage: "[SCENARIO]...",
		Description: "What the lock pins already stays as it is, as far as that can still be had; what it lacks is added. --fresh pins everything anew.\n" +
			"Scenarios in one folder share its lock; name them all, if you pin anew.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fresh", Usage: "forget what was locked"},
			&cli.BoolFlag{Name: "check", Usage: "make and write nothing; exit status 1 if the lock lacks something, or has it as it was once described"},
			&cli.StringFlag{Name: "output", Usage: "write `FILE` instead"},
			&cli.BoolFlag{Name: "offline", Usage: "fetch nothing: use only what is on this machine"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			untrustedFlag(),
		},
		Action: func(ctx *cli.Context) error {
			o := imagesLockOptions{
				scenarios: ctx.Args().Slice(), output: ctx.String("output"), offline: ctx.Bool("offline"),
				fresh: ctx.Bool("fresh"), check: ctx.Bool("check"), json: ctx.Bool("json"), untrusted: ctx.Bool("untrusted"),
			}
			if len(o.scenarios) == 0 {
				o.scenarios = []string{defaultScenario}
			}
			if o.check && o.fresh {
				return usageError{"--check and --fresh: what would be pinned anew is not known before it is made; give one of them"}
			}
			return c.runImagesLock(ctx.Context, o)
		},
	}
}

func (c command) runImagesLock(ctx context.Context, o imagesLockOptions) error {
	p := screen.NewProgress(c.stderr)
	var files []string // in the order they are first needed
	sessions := map[string][]*job{}
	for _, name := range o.scenarios {
		s, err := openImages(ctx, name, o.untrusted, p)
		if err != nil {
			return err
		}
		defer s.closeWarning()
		file := o.output
		if file == "" && s.scenario.Dir == "" {
			return usageError{fmt.Sprintf("%s: comes with bisect, and has no folder for a lock; say --output FILE", name)}
		}
		if file == "" {
			file = filepath.Join(filepath.Dir(s.scenario.File), images.LockName)
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
		sessions[file] = append(sessions[file], s)
	}
	reports, missing := []lockReport{}, false
	for _, file := range files {
		r, err := lockFile(ctx, file, sessions[file], o)
		if err != nil {
			return err
		}
		missing = missing || len(r.Lacks) > 0
		if reports = append(reports, r); !o.json {
			if err := c.printLocked(r, o.check); err != nil {
				return err
			}
		}
	}
	if o.json {
		if err := c.printJSON(reports); err != nil {
			return err
		}
	}
	if missing {
		return exit{exitError}
	}
	return nil
}

// lockFile brings one lock up to date with the scenarios that share it, or only looks whether it is.
func lockFile(ctx context.Context, file string, all []*job, o imagesLockOptions) (lockReport, error) {
	r := lockReport{Lock: file, Changes: []images.LockChange{}, Unasked: []string{}}
	for _, s := range all {
		r.Scenarios = append(r.Scenarios, s.scenario.Name)
	}
	old, err := images.ReadLock(file)
	known := err == nil
	if err != nil {
		old = &images.Lock{}
		if !errors.Is(err, fs.ErrNotExist) && !o.fresh {
			return r, fmt.Errorf("%w; only --fresh writes over it", err)
		}
	}
	lock := &images.Lock{}
	if !o.fresh {
		lock.Merge(old)
	}
	if o.check {
		for _, s := range all {
			lacks, err := lock.Lacks(s.scenario.Builder.Catalogue, s.lab.Specs())
			if err != nil {
				return r, err
			}
			r.Lacks = append(r.Lacks, lacks...)
		}
		slices.Sort(r.Lacks)
		r.Lacks, r.Parts = slices.Compact(r.Lacks), len(lock.Bases)+len(lock.Tools)
		return r, nil
	}

	asked := &images.Lock{}
	for _, s := range all {
		// What a scenario before this one has settled holds for this one too: a tag is looked up once.
		made, err := s.makeAsLocked(ctx, lock, o.offline, o.fresh && !o.offline)
		if err != nil {
			return r, err
		}
		lock.Update(made)
		asked.Update(made)
	}
	for _, b := range asked.Bases {
		if b.Date != "" && !strings.Contains(b.Asked, " at ") {
			r.Loose = append(r.Loose, b.Asked)
		}
	}
	r.Changes, r.Parts = lock.Changes(old), len(lock.Bases)+len(lock.Tools)
	for _, c := range asked.Changes(lock) {
		if c.To == "" {
			r.Unasked = append(r.Unasked, c.Part)
		}
	}
	if !known || len(r.Changes) > 0 {
		if err := lock.Write(file); err != nil {
			return r, err
		}
	}
	return r, cache.NoteLock(all[0].cache, file)
}

// makeAsLocked makes what a scenario names, as the lock has it as far as that can be, and returns what was
// made.
func (s *job) makeAsLocked(ctx context.Context, lock *images.Lock, offline, fresh bool) (*images.Lock, error) {
	// An error of stock means that the lock beside the scenario cannot be read. The caller has read it already,
	// and has reported that, or was told to replace the lock.
	_ = s.stock(parts{offline: offline})
	s.images.Lock, s.images.Relock = lock, true // what differs from the lock is reported at the end
	if fresh {
		s.images.Fresh = time.Now().UTC().Format(time.RFC3339)
	}
	if err := s.images.Prepare(ctx, s.lab.Specs()); err != nil {
		return nil, err
	}
	return s.images.Used(), nil
}

func (c command) printLocked(r lockReport, check bool) error {
	parts := english.Plural(r.Parts, "part", "")
	switch {
	case len(r.Lacks) > 0:
		fmt.Fprintf(c.stdout, "%s: lacks %s; write it with: bisect images lock\n", r.Lock, strings.Join(r.Lacks, ", "))
		return nil
	case check || len(r.Changes) == 0:
		fmt.Fprintf(c.stdout, "%s: up to date, %s\n", r.Lock, parts)
	default:
		fmt.Fprintf(c.stdout, "%s: %s, of which changed:\n", r.Lock, parts)
	}
	var rows [][]string
	for _, change := range r.Changes {
		switch {
		case change.From == "":
			rows = append(rows, []string{"  new", change.Part, change.To})
		case change.To == "":
			rows = append(rows, []string{"  gone", change.Part, "was " + change.From})
		default:
			rows = append(rows, []string{"  moved", change.Part, change.From + " -> " + change.To})
		}
	}
	if err := table(c.stdout, rows); err != nil {
		return err
	}
	for _, base := range r.Loose {
		fmt.Fprintf(c.stdout, "base %s is of no snapshot: once its suite has gone on, that is noticed, and it may not be had again; to pin that too, say snapshot: with a time\n", base)
	}
	if len(r.Unasked) > 0 {
		fmt.Fprintf(c.stdout, "kept, though not asked for here: %s; --fresh drops what is not\n", strings.Join(r.Unasked, ", "))
	}
	return nil
}
