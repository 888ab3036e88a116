package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/cmd/bisect/screen"
	"buildbisect/images/cache"
)

// stockReport is what `bisect images list --json` prints.
type stockReport struct {
	Cache   string          `json:"cache"`
	Entries []cache.Stocked `json:"entries"` // latest used first
	Size    int64           `json:"size"`    // bytes
}

func (c command) imagesListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "show what lies in the cache, latest used first",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(ctx *cli.Context) error {
			if err := noArguments(ctx); err != nil {
				return err
			}
			return c.runImagesList(ctx.Bool("json"), time.Now())
		},
	}
}

func (c command) runImagesList(asJSON bool, now time.Time) error {
	dir, err := cache.Default()
	if err != nil {
		return err
	}
	r := stockReport{Cache: dir}
	if r.Entries, err = cache.Stock(dir, screen.NewProgress(c.stderr).Warn); err != nil {
		return err
	}
	for _, e := range r.Entries {
		r.Size += e.Size
	}
	if asJSON {
		return c.printJSON(r)
	}
	if len(r.Entries) == 0 {
		fmt.Fprintf(c.stdout, "nothing is in %s\n", dir)
		return nil
	}
	rows := [][]string{{"KIND", "WHAT", "FROM", "SIZE", "MADE", "USED", "LOCK"}}
	for _, e := range folded(r.Entries) {
		rows = append(rows, []string{e.Kind, e.What, orDash(e.Provider), size(e.Size), ago(e.Made, now), ago(e.Used, now), lockWords(e.Locks)})
	}
	if err := table(c.stdout, rows); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s in %s\n", size(r.Size), dir)
	return nil
}

// folded puts into one row each what nobody asks for by name: a tool from a package may have left fifty of
// them.
func folded(entries []cache.Stocked) []cache.Stocked {
	nouns := map[string]string{"download": "file", "index": "package list", "unfinished": "leftover"}
	at, counts := map[string]int{}, map[string]int{} // by kind
	var rows []cache.Stocked
	for _, e := range entries {
		noun := nouns[e.Kind]
		if counts[e.Kind]++; noun == "" || counts[e.Kind] == 1 {
			at[e.Kind] = len(rows)
			rows = append(rows, e)
		} else {
			row := &rows[at[e.Kind]]
			row.Size += e.Size
			row.Made, row.Used = later(row.Made, e.Made), later(row.Used, e.Used)
		}
		if noun != "" {
			rows[at[e.Kind]].What = english.Plural(counts[e.Kind], noun, "")
		}
	}
	return rows
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func ago(t, now time.Time) string { return humanize.RelTime(t, now, "ago", "from now") }

// lockWords names the lock that needs something; of several, the first and how many more.
func lockWords(paths []string) string {
	switch len(paths) {
	case 0:
		return "-"
	case 1:
		return paths[0]
	}
	return fmt.Sprintf("%s and %d more", paths[0], len(paths)-1)
}

// noArguments refuses whatever is not a flag.
func noArguments(ctx *cli.Context) error {
	if ctx.NArg() > 0 {
		return usageError{fmt.Sprintf("%s: want no arguments, got %q", ctx.Command.Name, ctx.Args().Slice())}
	}
	return nil
}
