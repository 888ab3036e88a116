package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"buildbisect/scenarios"
)

// stages runs the stages in order up to the deciding one, each behind the prelude, and judges.
func (l *Lab) stages(ctx context.Context, box Box, log io.Writer, prelude string, trial *Trial) error {
	counted := &counter{w: log}
	for i, stage := range l.Scenario.Stages[:l.Scenario.Verdict.Stage+1] {
		deciding := i == l.Scenario.Verdict.Stage
		out := &output{log: counted}
		if deciding {
			out.pattern = l.Scenario.Verdict.Log
		}
		offset := counted.n
		stage.Run = prelude + stage.Run
		end, err := l.stage(ctx, box, stage, out)
		trial.Stage, trial.Exit, trial.Took = stage.Name, end.exit.Code, trial.Took+end.took
		trial.Stages = append(trial.Stages, StageRun{stage.Name, end.exit.Code, end.took.Seconds(), offset})
		trial.Tail = append(trial.Tail, out.tail()...)
		trial.Tail = trial.Tail[max(0, len(trial.Tail)-tailLines):]
		if err != nil {
			return err
		}
		if deciding {
			trial.Lines = out.matches
			trial.Judgement, err = judgeDeciding(l.Scenario.Verdict, stage, end, out)
			return err
		}
		var goOn bool
		if trial.Judgement, goOn = judgeEarlier(stage, end, out); !goOn {
			return nil
		}
	}
	return nil
}

// errTimeout ends a stage that takes too long.
var errTimeout = errors.New("stage timeout")

func (l *Lab) stage(ctx context.Context, box Box, stage scenarios.Stage, out *output) (ending, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out.stop = cancel
	timer := time.AfterFunc(stage.Timeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	begin := time.Now()
	exit, err := box.Exec(bounded, stage.Run, out)
	end := ending{exit: exit, took: time.Since(begin)}
	out.endLine()
	switch {
	case out.err != nil:
		return end, fmt.Errorf("log of stage %s: %w; make room and run again", stage.Name, out.err)
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errTimeout):
		end.timeout = true
		return end, nil
	}
	return end, err
}

// counter counts the bytes that pass.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
