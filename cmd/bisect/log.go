package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"buildbisect/bisect/report"
	"buildbisect/runner/journal"
)

func (c command) logCommand() *cli.Command {
	return &cli.Command{
		Name:        "log",
		Usage:       "show what a run did, in order, be it finished, ended or at work",
		ArgsUsage:   "[RUN]",
		Description: "RUN is the folder of a run (default: the newest in .bisect). --json prints the journal's records, which is what others may parse.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print the records as one JSON document"}},
		Action: func(ctx *cli.Context) error {
			dir, err := oneArgument(ctx, "run", "")
			if err != nil {
				return err
			}
			if dir == "" {
				dir, err = newestRun()
			} else {
				dir, err = namedRun(dir)
			}
			if err != nil {
				return err
			}
			records, err := journal.Read(dir)
			if ctx.Bool("json") {
				if records == nil {
					records = []journal.Record{}
				}
				if printErr := c.printJSON(records); printErr != nil {
					return printErr
				}
				return err
			}
			if len(records) == 0 && err == nil {
				return fmt.Errorf("run %s: it was ended before it had begun", dir)
			}
			for _, r := range records {
				if _, err := io.WriteString(c.stdout, logLine(r)); err != nil {
					return err
				}
			}
			return err
		},
	}
}

// flagsText is options as one gives them, each behind a space.
func flagsText(options map[string]string) (text string) {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		text += fmt.Sprintf(" --%s=%s", name, options[name])
	}
	return text
}

// logLine is a record for people.
func logLine(r journal.Record) string {
	var what string
	switch r.Type {
	case journal.RecordRun:
		what = r.Run.File + ": good " + cmp.Or(report.Short(r.Run.Good), "to be found") + ", bad " + report.Short(r.Run.Bad) + flagsText(r.Run.Options)
	case journal.RecordResume:
		what = "another process goes on" + flagsText(r.Options)
	case journal.RecordGood:
		what = "commit " + report.Short(r.Good)
	case journal.RecordStart:
		what = fmt.Sprintf("%3d  %s: %s", r.Trial.ID, r.Trial.Why, r.Trial.Point)
	case journal.RecordEnd:
		what = fmt.Sprintf("%3d  %s, %.1f s", r.Trial.ID, strings.TrimSpace(r.Trial.Verdict+" "+r.Trial.Class), r.Trial.Wall)
		if r.Trial.Reason != "" {
			what += " (" + r.Trial.Reason + ")"
		}
	case journal.RecordCancel:
		what = fmt.Sprintf("%3d  %s", r.Trial.ID, r.Cause)
	case journal.RecordCertify:
		what = "the time for proving that there is no other cause is over"
	case journal.RecordStop, journal.RecordDone:
		what = r.Cause
	}
	const column = "\n                              " // under the words
	var lines []string
	for line := range strings.Lines(what) {
		lines = append(lines, report.Clean(strings.TrimRight(line, "\n")))
	}
	return fmt.Sprintf("%s  %-7s  %s\n", r.Time.Local().Format(time.DateTime), r.Type, strings.Join(lines, column))
}
