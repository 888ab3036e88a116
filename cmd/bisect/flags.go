package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command before its arguments: cli v2 takes whatever follows an argument for
// another argument, and `bisect run s.yaml --json` would quietly do something else.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	cmd := app.Command(args[1])
	if cmd == nil {
		return args
	}
	var flags, rest []string
	for i := 2; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			rest = append(rest, arg)
			continue
		}
		flags = append(flags, arg)
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if hasValue || !takesValue(cmd, name) {
			continue
		}
		if i++; i == len(args) {
			// Its value is missing, and must not be taken from the arguments that would now follow it.
			rest = nil
			break
		}
		flags = append(flags, args[i])
	}
	return slices.Concat(args[:2], flags, rest)
}

func takesValue(cmd *cli.Command, name string) bool {
	for _, f := range cmd.Flags {
		if _, isBool := f.(*cli.BoolFlag); !isBool && slices.Contains(f.Names(), name) {
			return true
		}
	}
	return false
}

// oneArgument returns the command's only argument, or fallback; more than one is a mistake, named.
func oneArgument(ctx *cli.Context, what, fallback string) (string, error) {
	if ctx.NArg() > 1 {
		return "", usageError{fmt.Sprintf("%s: want one %s, got also %q", ctx.Command.Name, what, ctx.Args().Slice()[1:])}
	}
	if ctx.NArg() == 0 {
		return fallback, nil
	}
	return ctx.Args().First(), nil
}
