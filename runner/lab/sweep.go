package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// sweep removes from a shared engine what carries the trial's marker in its name, and warns once of other
// images that appeared. What a build leaves behind takes nothing from its verdict.
func (l *Lab) sweep(ctx context.Context, id int) {
	janitor, ok := backend.As[backend.LeftoverRemover](l.Backend)
	if !ok || l.Scenario.Builder.Engine != scenarios.EngineHost {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	// Containers first: an image that one uses stays.
	_, kept, err := janitor.RemoveTrialThings(ctx, l.Marker(id))
	if err != nil {
		l.Warn(fmt.Sprintf("trial %d: %v", id, err))
	}
	if len(kept) > 0 {
		l.Warn(fmt.Sprintf("trial %d left in the engine what others use now, and it stays: %s", id, strings.Join(kept, ", ")))
	}
	_, others, err := janitor.RemoveTrialImages(ctx, l.Marker(id))
	if err != nil {
		l.Warn(fmt.Sprintf("trial %d: %v", id, err))
	}
	if fresh := l.fresh(others); len(fresh) > 0 {
		l.Warn(fmt.Sprintf("images appeared in the engine during trial %d and stay: they do not name $BISECT_TRIAL, are in use, or are somebody else's: %s", id, strings.Join(fresh, " ")))
	}
}

// fresh keeps those images that were not warned of before.
func (l *Lab) fresh(images []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.strays == nil {
		l.strays = map[string]bool{}
	}
	return slices.DeleteFunc(images, func(image string) bool {
		known := l.strays[image]
		l.strays[image] = true
		return known
	})
}
