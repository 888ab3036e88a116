package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"buildbisect/bisect/report"
)

// command is one call of the program: where it writes.
type command struct {
	stdout, stderr io.Writer
}

func (c command) app() *cli.App {
	return &cli.App{
		Name:      "bisect",
		Usage:     "find the smallest combination of changes that breaks a build: commits, tools, variables, base images",
		Writer:    c.stdout,
		ErrWriter: c.stderr,
		Commands:  []*cli.Command{c.runCommand(), c.resumeCommand(), c.logCommand(), c.planCommand(), c.checkCommand(), c.probeCommand(), c.imagesCommand(), c.gcCommand()},
		// cli.Exit and the default handler would leave the process from within, past everything deferred.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(ctx *cli.Context, err error, _ bool) error {
			return usageError{err.Error() + "; see: " + ctx.Command.HelpName + " --help"}
		},
		Version:              version(),
		EnableBashCompletion: true,
	}
}

// version is the commit this binary was built from, as far as Go recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value
		}
	}
	return strings.TrimSpace(text + " " + info.GoVersion)
}

// run calls the command named in args and returns the exit status.
func (c command) run(ctx context.Context, args []string) (status int) {
	app := c.app()
	for _, sub := range app.Commands {
		sub.OnUsageError = app.OnUsageError
		for _, below := range sub.Subcommands {
			below.OnUsageError = app.OnUsageError
		}
	}
	name := called(args)
	if name == "" && slices.Contains(args, "probe") {
		name = "probe" // behind a flag that does not belong there: still no verdict
	}
	if name != "" && app.Command(name) == nil {
		fmt.Fprintf(c.stderr, "bisect: no command %q; there are %s\n", name, commandNames(app))
		return exitUsage
	}
	defer func() {
		// Go's own status for a panic is 2, which git bisect run would take for bad.
		if bug := recover(); bug != nil {
			fmt.Fprintf(c.stderr, "bisect: a bug in bisect: %v\n%s", bug, debug.Stack())
			status = failed(name, exitError)
		}
	}()
	err := app.RunContext(ctx, arranged(app, args))
	if err == nil {
		return exitOK
	}
	// A command that has its answer may still have failed to clean up.
	code, rest := splitExit(err)
	if rest != nil {
		fmt.Fprintf(c.stderr, "bisect: %s\n", report.CleanLines(strings.TrimSpace(rest.Error())))
	}
	if code != nil {
		return code.code
	}
	return failed(name, exitCode(ctx, err))
}

// commandNames lists the commands for a message.
func commandNames(app *cli.App) string {
	var names []string
	for _, command := range app.Commands {
		if command.Name != "help" {
			names = append(names, command.Name)
		}
	}
	return english.OxfordWordSeries(names, "and")
}

// arranged is [flagsFirst] for commands that have commands of their own, too.
func arranged(app *cli.App, args []string) []string {
	if len(args) > 2 {
		if group := app.Command(args[1]); group != nil && len(group.Subcommands) > 0 {
			return append(slices.Clone(args[:1]), flagsFirst(&cli.App{Commands: group.Subcommands}, args[1:])...)
		}
	}
	return flagsFirst(app, args)
}

// called is the name of the command that args call, or ask help for; "" where there is none.
func called(args []string) string {
	for _, arg := range args[min(1, len(args)):] {
		if strings.HasPrefix(arg, "-") {
			return ""
		}
		if arg != "help" && arg != "h" {
			return arg
		}
	}
	return ""
}
