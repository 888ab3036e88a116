package runner_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"buildbisect/bisect"
	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/scenarios"
)

// choosy is a composer for which one version of a tool fits no base.
type choosy struct {
	composer
	asked *int
}

func (c choosy) Image(ctx context.Context, spec catalogue.Spec) (*images.Image, error) {
	if spec.Picks[0].Version == "2" {
		*c.asked++
		return nil, &images.UnfitError{Tool: "make 2", Why: "it needs more than that"}
	}
	return c.composer.Image(ctx, spec)
}

func TestAToolThatFitsNoBaseMakesItsPointsUntestable(t *testing.T) {
	asked := 0
	run := newRun(t, &engine{}, lineOf(2), &scenarios.Scenario{Axes: []scenarios.Axis{tool("make", "1", "2")}})
	run.Lab.Images = choosy{asked: &asked}
	for commit := range 2 {
		trial, err := run.Lab.Try(t.Context(), 1, bisect.Point{commit, 1}, &bytes.Buffer{})
		if err != nil || trial.Verdict != bisect.Skip || !strings.Contains(trial.Reason, "make 2 does not fit this base: it needs more than that") {
			t.Errorf("got %+v, %v", trial, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times for an image that cannot be had", asked)
	}
}
