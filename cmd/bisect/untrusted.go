package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"buildbisect/runner/redact"
	"buildbisect/scenarios"
)

// untrustedFlag is for builds of code that nobody has read.
func untrustedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "untrusted", Usage: "for a scenario or commits that nobody has read: refuse what lets a build do more than the default, reach no file outside of the scenario's repository, ask only public servers"}
}

func readScenario(name string, untrusted bool) (*scenarios.Scenario, error) {
	if untrusted {
		return scenarios.OpenUntrusted(name)
	}
	return scenarios.Open(name)
}

// judged reads a scenario. Of one that is not trusted all that it must not have is refused at once, before
// anything is done for it.
func judged(read func() (*scenarios.Scenario, error), untrusted bool) (*scenarios.Scenario, error) {
	s, err := read()
	if err != nil {
		return nil, scenarioError{err}
	}
	refused := s.Refused()
	if !untrusted || len(refused) == 0 {
		return s, nil
	}
	lines := []string{"--untrusted: the scenario lets builds do more than the default; take these out, or leave --untrusted out for code that you trust:"}
	for _, l := range refused {
		lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", s.File, l.Line, l.Key, l.What))
	}
	return nil, usageError{strings.Join(lines, "\n")}
}

// secrets reads the values that the scenario names.
func (s *job) secrets() (*redact.Secrets, error) {
	values, err := s.scenario.ReadSecrets(os.LookupEnv)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return redact.New(values), nil
}
