package retry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/runner/lab"
)

var errBackend = fmt.Errorf("no answer: %w", backend.ErrInfrastructure)

// tried counts the calls of a build that fails as errs say, and then works.
func tried(t *testing.T, errs ...error) (calls int, took time.Duration, trial lab.Trial, warned []string, err error) {
	synctest.Test(t, func(t *testing.T) {
		r := &Retrier{Pause: time.Second, Warn: func(text string) { warned = append(warned, text) }}
		begin := time.Now()
		trial, err = r.Do(t.Context(), 3, func() (lab.Trial, error) {
			calls++
			if calls <= len(errs) {
				return lab.Trial{}, errs[calls-1]
			}
			return lab.Trial{}, nil
		})
		took = time.Since(begin)
	})
	return calls, took, trial, warned, err
}

func TestABuildIsTriedAgainAfterPausesThatDouble(t *testing.T) {
	calls, took, _, warned, err := tried(t, errBackend, errBackend, errBackend)
	if calls != 4 || took != 7*time.Second || err != nil {
		t.Errorf("%d calls in %s: %v", calls, took, err)
	}
	if got := strings.Join(warned, "|"); strings.Count(got, "trial 3: no answer") != 3 {
		t.Errorf("warned %q", got)
	}
}

func TestTheSeventhFailureInARowStops(t *testing.T) {
	calls, took, _, _, err := tried(t, errBackend, errBackend, errBackend, errBackend, errBackend, errBackend, errBackend, errBackend)
	if calls != 7 || took != 63*time.Second || !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "failed 7 times in a row") {
		t.Errorf("%d calls in %s: %v", calls, took, err)
	}
}

func TestAnotherErrorIsNotTriedAgain(t *testing.T) {
	calls, _, _, warned, err := tried(t, errors.New("no such commit"))
	if calls != 1 || err == nil || err.Error() != "no such commit" || len(warned) > 0 {
		t.Errorf("%d calls, %q: %v", calls, warned, err)
	}
}

func TestThreeSuspicionsInARowConvict(t *testing.T) {
	suspected := &backend.Suspected{Err: errors.New("its folder is gone")}
	calls, _, trial, _, err := tried(t, suspected, suspected, suspected)
	if calls != 3 || err != nil || trial.Verdict != bisect.Skip || trial.Reason != "3 times in a row: its folder is gone" {
		t.Errorf("%d calls: %+v, %v", calls, trial.Judgement, err)
	}
	calls, _, trial, _, err = tried(t, suspected, suspected, errBackend, suspected, suspected)
	if calls != 6 || err != nil || trial.Reason != "" {
		t.Errorf("with another failure between them: %d calls: %+v, %v", calls, trial.Judgement, err)
	}
}

func TestAnInterruptEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("interrupted")
		time.AfterFunc(500*time.Millisecond, func() { cancel(stopped) })
		r := &Retrier{Pause: time.Second, Warn: func(string) {}}
		begin := time.Now()
		_, err := r.Do(ctx, 1, func() (lab.Trial, error) { return lab.Trial{}, errBackend })
		if !errors.Is(err, stopped) || time.Since(begin) != 500*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
}
