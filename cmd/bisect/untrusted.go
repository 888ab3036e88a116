package main

import (
	"fmt"
	"os"
	"strings"

	"buildbisect/runner"

	"github.com/urfave/cli/v2"
)

// untrustedFlag is for builds of code that nobody has read.
func untrustedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "untrusted", Usage: "refuse a scenario that lets a build do more than the default"}
}

// refuseLoosened refuses all that the scenario loosens, at once.
func (s *session) refuseLoosened(untrusted bool) error {
	loosened := s.scenario.Loosened()
	if !untrusted || len(loosened) == 0 {
		return nil
	}
	lines := []string{"--untrusted: the scenario lets builds do more than the default; take these out, or leave --untrusted out for code that you trust:"}
	for _, l := range loosened {
		lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", s.scenario.File, l.Line, l.Key, l.What))
	}
	return usageError{strings.Join(lines, "\n")}
}

// secrets reads the values that the scenario names.
func (s *session) secrets() (*runner.Secrets, error) {
	values, err := s.scenario.ReadSecrets(os.LookupEnv)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return runner.NewSecrets(values), nil
}
