package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/images/cache"
)

// defaultAge is how long what no lock needs may lie unused, if prune is not told otherwise.
const defaultAge = "30d"

// pruneReport is what `bisect images prune --json` prints.
type pruneReport struct {
	Cache   string          `json:"cache"`
	DryRun  bool            `json:"dry-run"`
	Removed []cache.Stocked `json:"removed"` // longest unused first
	Freed   int64           `json:"freed"`   // bytes
	Left    int             `json:"left"`    // entries
	Size    int64           `json:"size"`    // bytes left
	Locked  int64           `json:"locked"`  // bytes of them that locks need
}

func (c command) imagesPruneCommand() *cli.Command {
	return &cli.Command{
		Name:  "prune",
		Usage: "remove from the cache what was not used for long",
		Description: "What a lock needs stays: of all lock files that were written or obeyed on this machine, those that still exist.\n" +
			"What is removed is made again when it is needed.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "older-than", DefaultText: defaultAge + ", if neither size nor all is given", Usage: "what was not used for `TIME`, such as 30d, 2w or 12h"},
			&cli.StringFlag{Name: "keep-size", Usage: "then what was not used for longest, until no more than `SIZE` is left, such as 10g"},
			&cli.BoolFlag{Name: "all", Usage: "everything that no lock needs"},
			&cli.BoolFlag{Name: "dry-run", Usage: "remove nothing, only say what would go"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: func(ctx *cli.Context) error {
			o, err := readPruneOptions(ctx)
			if err != nil {
				return err
			}
			return c.runImagesPrune(ctx.Context, o, ctx.Bool("json"))
		},
	}
}

func readPruneOptions(ctx *cli.Context) (o cache.PruneOptions, err error) {
	if err := noArguments(ctx); err != nil {
		return o, err
	}
	o = cache.PruneOptions{All: ctx.Bool("all"), DryRun: ctx.Bool("dry-run"), Now: time.Now()}
	age := ctx.String("older-than")
	if o.All && (ctx.IsSet("older-than") || ctx.IsSet("keep-size")) {
		return o, usageError{"--all: leaves no room for --older-than and --keep-size; give it alone"}
	}
	if !o.All && !ctx.IsSet("older-than") && !ctx.IsSet("keep-size") {
		age = defaultAge
	}
	if age != "" || ctx.IsSet("older-than") {
		if o.OlderThan, err = readAge(age); err != nil {
			return o, usageError{fmt.Sprintf("--older-than %q: %v", age, err)}
		}
	}
	if ctx.IsSet("keep-size") {
		o.KeepSize, err = units.FromHumanSize(ctx.String("keep-size"))
		if err != nil || o.KeepSize <= 0 {
			return o, usageError{fmt.Sprintf("--keep-size %q: want a size above 0, such as 500m or 10g; --all removes everything", ctx.String("keep-size"))}
		}
	}
	return o, nil
}

// readAge reads a length of time; beside Go's units, days and weeks.
func readAge(text string) (time.Duration, error) {
	want := errors.New("want a time above 0, such as 30d, 2w or 12h")
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			if err != nil || n == 0 {
				return 0, want
			}
			return time.Duration(n) * length, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, want
	}
	return d, nil
}

func (c command) runImagesPrune(ctx context.Context, o cache.PruneOptions, asJSON bool) error {
	dir, err := cache.Default()
	if err != nil {
		return err
	}
	pruned, err := cache.Prune(ctx, dir, o)
	if pruned == nil {
		return err
	}
	return errors.Join(err, c.printPruned(dir, pruned, o, asJSON))
}

func (c command) printPruned(dir string, p *cache.Pruned, o cache.PruneOptions, asJSON bool) error {
	r := pruneReport{
		Cache: dir, DryRun: o.DryRun, Removed: append([]cache.Stocked{}, p.Removed...), Freed: p.Freed(),
		Left: len(p.Left), Size: p.Size(), Locked: p.Locked(),
	}
	if asJSON {
		return c.printJSON(r)
	}
	if len(p.Removed) > 0 {
		rows := [][]string{{"KIND", "WHAT", "FROM", "SIZE", "USED"}}
		for _, e := range folded(p.Removed) {
			rows = append(rows, []string{e.Kind, e.What, orDash(e.Provider), size(e.Size), ago(e.Used, o.Now)})
		}
		if err := table(c.stdout, rows); err != nil {
			return err
		}
	}
	done := "freed"
	if o.DryRun {
		done = "would free"
	}
	fmt.Fprintf(c.stdout, "%s %s; left in %s: %s, %s", done, size(r.Freed), dir, english.Plural(r.Left, "entry", "entries"), size(r.Size))
	if r.Locked > 0 {
		fmt.Fprintf(c.stdout, ", of which locks need %s", size(r.Locked))
	}
	fmt.Fprintln(c.stdout)
	if o.KeepSize > 0 && r.Size > o.KeepSize {
		fmt.Fprintf(c.stdout, "that is more than %s, and nothing else may go\n", size(o.KeepSize))
	}
	return nil
}
