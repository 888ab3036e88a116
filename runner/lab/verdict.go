package lab

import (
	"fmt"
	"time"

	"buildbisect/bisect"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// ending is how one stage ended.
type ending struct {
	exit    backend.Exit
	timeout bool
	limit   string // key of the one of builder.resources that it went beyond; "": none
	over    string // the same in words
	took    time.Duration
}

// judgeEarlier judges a stage before the deciding one. ok is true when the build may go on.
func judgeEarlier(stage scenarios.Stage, end ending, out *output) (j scenarios.Judgement, ok bool) {
	if j, over := judgeLimits(stage, end); over {
		return j, false
	}
	if end.exit.Code == 0 {
		return scenarios.Judgement{}, true
	}
	return scenarios.Skip("stage %s ended with %s", stage.Name, ended(stage, end, out).Status()), false
}

// judgeDeciding judges the deciding stage.
func judgeDeciding(judge scenarios.Judge, stage scenarios.Stage, end ending, out *output) (scenarios.Judgement, error) {
	if j, over := judgeLimits(stage, end); over {
		return j, nil
	}
	j, err := judge.Judge(ended(stage, end, out))
	j.Line = normalize(j.Line)
	return j, err
}

// ended is an ending for a judge.
func ended(stage scenarios.Stage, end ending, out *output) scenarios.Ended {
	return scenarios.Ended{Stage: stage.Name, Code: end.exit.Code, Matches: out.matches, LastLine: out.lastLine()}
}

// judgeLimits judges a stage that ran out of time, memory or another of its resources. What it said and how
// it ended then says nothing of the commit: on a machine with more of it the same build might do.
func judgeLimits(stage scenarios.Stage, end ending) (scenarios.Judgement, bool) {
	var what string
	var as scenarios.Outcome
	switch {
	case end.over != "":
		return scenarios.Skip("stage %s %s", stage.Name, end.over), true
	case end.timeout:
		what, as = fmt.Sprintf("stage %s did not end within %s", stage.Name, stage.Timeout), stage.OnTimeout
	case end.exit.OOM:
		what, as = fmt.Sprintf("stage %s ran out of memory", stage.Name), stage.OnOOM
	default:
		return scenarios.Judgement{}, false
	}
	if as == scenarios.CountBad {
		return scenarios.Judgement{Verdict: bisect.Bad, Reason: what}, true
	}
	return scenarios.Skip("%s", what), true
}
