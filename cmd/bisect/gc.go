package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/bisect/report"
	"buildbisect/images/cache"
	"buildbisect/runner/backend"
	"buildbisect/runner/session"
)

type gcOptions struct {
	dryRun, json, images bool
	runner               string
	run                  string // mark of one that the user says is dead; "": none
}

// gcReport is what `bisect gc --json` prints.
type gcReport struct {
	DryRun bool `json:"dry-run"` // nothing was removed
	session.Collection
}

func (c command) gcCommand() *cli.Command {
	return &cli.Command{
		Name:  "gc",
		Usage: "remove what killed runs left in the engine",
		Description: "Containers, volumes and networks that carry the label of a run that is dead; and where builds had this machine's engine (engine: host),\n" +
			"what they named by its $BISECT_TRIAL. A run that lives, and one that cannot be judged from here, is left alone. Every start does the same.\n" +
			"A run of another machine, or of a container that is gone with its files, nobody can judge: --run MARK is your word that it is dead.\n" +
			"Builder images stay, unless asked for: they are made known to the engine again when they are needed. The folders of runs are yours: they stay.",
		Flags: []cli.Flag{
			runnerFlag(),
			&cli.BoolFlag{Name: "dry-run", Usage: "remove nothing, only say what would go"},
			&cli.StringFlag{Name: "run", Usage: "also what the run of that `MARK` left, which cannot be judged from here, but which you know to be dead; not if it is seen to live"},
			&cli.BoolFlag{Name: "images", Usage: "also builder images that no container uses, while no run lives"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: func(ctx *cli.Context) error {
			if err := noArguments(ctx); err != nil {
				return err
			}
			run := ctx.String("run")
			if ctx.IsSet("run") && !session.IsMark(run) {
				return usageError{fmt.Sprintf("--run %q: want the mark of a run, as bisect gc and the label %s have it", run, backend.LabelRun)}
			}
			return c.runGC(ctx.Context, gcOptions{ctx.Bool("dry-run"), ctx.Bool("json"), ctx.Bool("images"), ctx.String("runner"), run})
		},
	}
}

func (c command) runGC(ctx context.Context, o gcOptions) (err error) {
	cache, err := cache.Default()
	if err != nil {
		return err
	}
	where, err := placeNamed(o.runner)
	if err != nil {
		return err
	}
	at, err := where.open(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	reaper, ok := backend.As[backend.Reaper](at.Backend)
	if !ok {
		return usageError{fmt.Sprintf("--runner %s: nothing outlives a build there", o.runner)}
	}
	limited, cancel := context.WithTimeout(ctx, session.SweepTime)
	defer cancel()
	release, err := session.LockSweeps(limited, cache)
	if err != nil {
		return err
	}
	defer release()
	sweeper := session.Sweeper{Backend: reaper, Cache: cache, Here: session.Here(), Dead: o.run}
	collected, err := sweeper.Collect(ctx, o.dryRun, o.images)
	r := &gcReport{o.dryRun, collected}
	if err == nil && o.run != "" && slices.Contains(r.Alive, o.run) {
		err = fmt.Errorf("gc --run %s: that run lives: its lease is locked, or its process runs; stop it first", o.run)
	}
	return errors.Join(err, c.printGC(r, o))
}

func (c command) printGC(r *gcReport, o gcOptions) error {
	if o.json {
		return c.printJSON(r)
	}
	if len(r.Removed) > 0 {
		rows := [][]string{{"KIND", "RUN", "NAME"}}
		for _, t := range r.Removed {
			rows = append(rows, []string{t.Kind, orDash(t.Run), t.Name})
		}
		if err := table(c.stdout, rows); err != nil {
			return err
		}
	}
	did := "removed"
	if r.DryRun {
		did = "would remove"
	}
	switch {
	case len(r.Removed) > 0:
		var things []backend.Resource
		for _, t := range r.Removed {
			things = append(things, t.Resource)
		}
		fmt.Fprintf(c.stdout, "%s %s\n", did, counted(things))
	default:
		fmt.Fprintln(c.stdout, "nothing to remove")
	}
	for _, t := range r.Kept {
		fmt.Fprintf(c.stdout, "%s stays: somebody uses it\n", report.Clean(fmt.Sprint(t)))
	}
	if o.images && len(r.Alive) > 0 {
		fmt.Fprintf(c.stdout, "builder images stay while a run lives: %s\n", strings.Join(r.Alive, ", "))
	}
	for _, u := range r.Unknown {
		fmt.Fprintln(c.stdout, report.Clean(stays(u)))
	}
	return nil
}

// stays says why something was not judged, and what to do about it.
func stays(u session.Undecided) string {
	whose := "of no session that can be told"
	if u.Owner.Run != "" {
		whose = "of run " + u.Owner.Run
	}
	if u.Owner.Host != "" {
		whose += fmt.Sprintf(", process %d on host %s,", u.Owner.PID, u.Owner.Host)
	}
	var ids []string
	for _, t := range u.Resources {
		if t.Kind == backend.KindContainer {
			ids = append(ids, t.ID[:12])
		}
	}
	text := fmt.Sprintf("%s %s %s: it cannot be told from here whether that still runs", counted(u.Resources), whose, english.PluralWord(len(u.Resources), "stays", "stay"))
	if name, _ := os.Hostname(); u.Owner.Host != "" && u.Owner.Host != name {
		text += "; run bisect gc there"
	}
	switch {
	case session.IsMark(u.Owner.Run):
		text += "; or if you know it is dead: bisect gc --run " + u.Owner.Run
	case len(ids) > 0:
		text += "; or if you know it is dead: docker rm -fv " + strings.Join(ids, " ")
	}
	return text
}
