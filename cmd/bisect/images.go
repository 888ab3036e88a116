package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"buildbisect/bisect"
	"buildbisect/bisect/report"
	"buildbisect/cmd/bisect/screen"
	"buildbisect/runner/lab"
	"buildbisect/runner/space"
)

// imagesCommand is about what builds run in, rather than about one search.
func (c command) imagesCommand() *cli.Command {
	return &cli.Command{
		Name:        "images",
		Usage:       "make, lock, list and remove what builder images are made of",
		Subcommands: []*cli.Command{c.imagesBuildCommand(), c.imagesLockCommand(), c.imagesListCommand(), c.imagesPruneCommand()},
		Action: func(ctx *cli.Context) error {
			const have = "there are build, lock, list and prune"
			if ctx.NArg() == 0 {
				return usageError{"images: want a command; " + have}
			}
			return usageError{fmt.Sprintf("images: no command %q; %s", ctx.Args().First(), have)}
		},
	}
}

// openImages opens a scenario for its images alone: of its history they know nothing, and no engine is
// needed.
func openImages(ctx context.Context, name string, untrusted bool, p *screen.Progress) (*job, error) {
	s, err := begin(ctx, name, untrusted, p)
	if err != nil {
		return nil, err
	}
	anyHistory := &space.History{Commits: []space.Commit{{ID: "any"}, {ID: "any"}}, Parents: [][]int{nil, {0}}, Sides: make([]bisect.Side, 2)}
	if s.space, err = space.NewSpace(anyHistory, s.scenario.Axes); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.lab = &lab.Lab{Scenario: s.scenario, Space: s.space, Warn: p.Warn}
	return s, nil
}

// printJSON prints one document, as the other commands do.
func (c command) printJSON(v any) error {
	return report.WriteJSON(c.stdout, v)
}

// table prints rows in columns, the first row as their heading. No cell but the last of a row may be long.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = report.Clean(cell)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

func size(bytes int64) string { return humanize.Bytes(uint64(bytes)) }

// orDash keeps a column from looking forgotten.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
