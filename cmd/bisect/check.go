package main

import (
	"fmt"

	"github.com/hashicorp/go-multierror"
	"github.com/urfave/cli/v2"

	"buildbisect/scenarios"
)

func (c command) checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "validate scenario files",
		ArgsUsage: "SCENARIO...",
		Flags:     []cli.Flag{untrustedFlag()},
		Action: func(ctx *cli.Context) error {
			names := ctx.Args().Slice()
			if len(names) == 0 {
				names = []string{defaultScenario}
			}
			return c.runCheck(names, ctx.Bool("untrusted"))
		},
	}
}

func (c command) runCheck(names []string, untrusted bool) error {
	var errs *multierror.Error
	for _, name := range names {
		s, err := judged(func() (*scenarios.Scenario, error) { return readScenario(name, untrusted) }, untrusted)
		if err != nil {
			errs = multierror.Append(errs, err)
			continue
		}
		fmt.Fprintf(c.stdout, "%s: ok, %d axes and the commit, %d stages\n", name, len(s.Axes), len(s.Stages))
	}
	if errs != nil {
		errs.ErrorFormat = func(list []error) string {
			text := ""
			for _, err := range list {
				text += err.Error() + "\n"
			}
			return text
		}
	}
	return errs.ErrorOrNil()
}
