package runner_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

var _ backend.LeftoverRemover = (*janitor)(nil)

// janitor is a shared engine that notes what it is asked to remove.
type janitor struct {
	*engine
	asked []string
	err   error
}

func (j *janitor) RemoveTrialThings(_ context.Context, marker string) (removed, kept []string, err error) {
	j.asked = append(j.asked, "things of "+marker)
	return nil, []string{"network " + marker + "_default"}, j.err
}

func (j *janitor) RemoveTrialImages(_ context.Context, marker string) (removed, others []string, err error) {
	j.asked = append(j.asked, "images of "+marker)
	return nil, []string{"stray:1"}, j.err
}

func TestASharedEngineIsClearedAfterEachTrialAndNoOtherIs(t *testing.T) {
	for _, c := range []struct {
		kind  scenarios.Engine
		err   error
		asked string
		warns []string
	}{
		{scenarios.EngineNone, nil, "", nil},
		{scenarios.EngineHost, nil, "things of b1234567890-7, images of b1234567890-7", []string{"network b1234567890-7_default", "stray:1"}},
		{scenarios.EngineHost, errEngine, "things of b1234567890-7, images of b1234567890-7", []string{"the engine is gone", "network b1234567890-7_default", "the engine is gone", "stray:1"}},
	} {
		e := &engine{build: failing(1, "no")}
		s := &scenarios.Scenario{}
		s.Builder.Engine = c.kind
		run := newRun(t, e, lineOf(1), s)
		j := &janitor{engine: e, err: c.err}
		var warned []string
		run.Lab.Backend, run.Lab.Warn = j, func(text string) { warned = append(warned, text) }
		trial, err := run.Lab.Try(t.Context(), 7, run.Lab.Space.Bad(), io.Discard)
		if err != nil || trial.Verdict != bisect.Bad {
			t.Errorf("what a build leaves takes nothing from its verdict: got %v, %v", trial.Verdict, err)
		}
		if got := strings.Join(j.asked, ", "); got != c.asked {
			t.Errorf("%s: removed %q, want %q", c.kind, got, c.asked)
		}
		if !slices.EqualFunc(warned, c.warns, strings.Contains) {
			t.Errorf("%s: warned of %q, want %q", c.kind, warned, c.warns)
		}
	}
}
