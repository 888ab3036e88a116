package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/go-units"

	"buildbisect/runner/backend"
	"buildbisect/runner/redact"
	"buildbisect/scenarios"
)

// stages runs the stages in order up to the deciding one, each behind the prelude, and judges. What they
// print passes by hide before anything else sees it.
func (l *Lab) stages(ctx context.Context, box backend.Box, log *counter, prelude string, trial *Trial) error {
	hide := l.Secrets.Writer(nil)
	judge := cmp.Or(l.Scenario.Verdict.Judge, scenarios.Failure)
	for i, stage := range l.Scenario.Stages[:l.Scenario.Verdict.Stage+1] {
		deciding := i == l.Scenario.Verdict.Stage
		out := &output{log: log, secrets: l.Secrets}
		hide.SetOutput(out)
		if deciding {
			out.pattern = judge.Pattern()
		}
		offset := log.n
		stage.Run = prelude + stage.Run
		end, err := l.stage(ctx, box, stage, out, hide)
		trial.Stage, trial.Exit, trial.Took = stage.Name, end.exit.Code, trial.Took+end.took
		trial.Stages = append(trial.Stages, StageRun{stage.Name, end.exit.Code, end.took.Seconds(), offset, end.limit})
		trial.Tail = append(trial.Tail, out.tail()...)
		trial.Tail = trial.Tail[max(0, len(trial.Tail)-tailLines):]
		if err != nil {
			return err
		}
		if end.over != "" {
			log.note("stage " + stage.Name + " " + end.over + ", and was ended")
		}
		if deciding {
			trial.Lines = out.matches
			trial.Judgement, err = judgeDeciding(judge, stage, end, out)
			return err
		}
		var goOn bool
		if trial.Judgement, goOn = judgeEarlier(stage, end, out); !goOn {
			return nil
		}
	}
	return nil
}

var (
	errTimeout = errors.New("stage timeout") // ends a stage that takes too long
	errLogFull = errors.New("log is full")   // ends one that prints too much
)

func (l *Lab) stage(ctx context.Context, box backend.Box, stage scenarios.Stage, out *output, hide *redact.Writer) (ending, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out.stop = cancel
	timer := time.AfterFunc(stage.Timeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	begin := time.Now()
	exit, err := box.Exec(bounded, stage.Run, hide)
	end := ending{exit: exit, took: time.Since(begin)}
	_ = hide.Flush() // out keeps its log's error for itself
	out.endLine()
	limits := l.Scenario.Builder.Resources
	switch {
	case errors.Is(out.err, errLogFull) && ctx.Err() != nil:
		return end, context.Cause(ctx)
	case errors.Is(out.err, errLogFull):
		end.limit, end.over = "log", fmt.Sprintf("printed more than %s (resources.log)", size(limits.Log))
		return end, nil
	case out.err != nil:
		return end, fmt.Errorf("log of stage %s: %w; make room", stage.Name, out.err)
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errTimeout):
		end.timeout = true
		return end, nil
	case err != nil:
		return end, err
	case exit.Full:
		end.limit, end.over = "disk", fmt.Sprintf("wrote more than %s (resources.disk)", size(limits.Disk))
	case exit.PIDs:
		end.limit, end.over = "pids", fmt.Sprintf("reached its limit of %d processes (resources.pids)", limits.PIDs)
	}
	return end, nil
}

func size(bytes int64) string { return units.BytesSize(float64(bytes)) }

// counter counts the bytes that pass to a trial's log, and lets no more pass than limit.
type counter struct {
	w     io.Writer
	n     int64
	limit int64 // 0: none
	last  byte
}

// Write passes on what there is room for. The rest is [errLogFull].
func (c *counter) Write(p []byte) (int, error) {
	room := int64(len(p))
	if c.limit > 0 {
		room = min(room, c.limit-c.n)
	}
	n, err := c.w.Write(p[:room])
	if c.n += int64(n); n > 0 {
		c.last = p[n-1]
	}
	if err == nil && n < len(p) {
		err = errLogFull
	}
	return n, err
}

// note adds a line of our own, whatever the limit. A log that cannot be written to has shown that already.
func (c *counter) note(text string) {
	if c.n > 0 && c.last != '\n' {
		text = "\n" + text
	}
	n, _ := io.WriteString(c.w, text+"\n")
	c.n, c.last = c.n+int64(n), '\n'
}
