package runner

import (
	"errors"
	"fmt"
	"time"

	"buildbisect/bisect"
	"buildbisect/scenarios"
)

// Judgement is what one trial says.
type Judgement struct {
	Verdict bisect.Verdict
	Class   string // bisect.Other where the build failed without the signature
	Reason  string // in a few words
	Line    string // the normalized line of a failure without the signature
}

// ending is how one stage ended.
type ending struct {
	exit    Exit
	timeout bool
	over    string // which limit of resources it went beyond, in words; "": none
	took    time.Duration
}

// errAbort is verdict.exit: git's status of 128 and above.
var errAbort = errors.New("the build asked to abort")

// judgeEarlier judges a stage before the deciding one. ok is true when the build may go on.
func judgeEarlier(stage scenarios.Stage, end ending, out *output) (j Judgement, ok bool) {
	if j, mishap := judgeMishap(stage, end); mishap {
		return j, false
	}
	if end.exit.Code == 0 {
		return Judgement{}, true
	}
	return skip("stage %s ended with %s", stage.Name, status(end.exit.Code, out.lastLine())), false
}

// judgeDeciding judges the deciding stage. Bad is the scenario's own signature and nothing else; a failure without it is kept
// apart, so that an unrelated failure never blames a change.
func judgeDeciding(v scenarios.Verdict, stage scenarios.Stage, end ending, out *output) (Judgement, error) {
	if j, mishap := judgeMishap(stage, end); mishap {
		return j, nil
	}
	code := end.exit.Code
	switch {
	case v.GitExit && code >= 128:
		return Judgement{}, fmt.Errorf("stage %s: status %d: %w", stage.Name, code, errAbort)
	case v.GitExit && code == 125:
		return skip("status 125"), nil
	case v.Log == nil && code == 0:
		return Judgement{Verdict: bisect.Good, Reason: status(code, "")}, nil
	case v.Log == nil:
		return Judgement{Verdict: bisect.Bad, Reason: status(code, out.lastLine())}, nil
	case out.matched && (code != 0 || v.AnyExit):
		return Judgement{Verdict: bisect.Bad, Reason: out.matches[0]}, nil
	case code != 0:
		line := out.lastLine()
		return Judgement{Verdict: bisect.Skip, Class: bisect.Other, Reason: "fails differently, " + status(code, line), Line: normalize(line)}, nil
	case out.matched:
		return Judgement{Verdict: bisect.Good, Reason: "succeeds, though it says: " + out.matches[0]}, nil
	}
	return Judgement{Verdict: bisect.Good, Reason: status(code, "")}, nil
}

// judgeMishap judges a stage that ran out of time, memory or another of its resources. What it said and how it ended then says nothing
// of the commit: on a machine with more of it the same build might do.
func judgeMishap(stage scenarios.Stage, end ending) (Judgement, bool) {
	var what string
	var as scenarios.Outcome
	switch {
	case end.over != "":
		return skip("stage %s %s", stage.Name, end.over), true
	case end.timeout:
		what, as = fmt.Sprintf("stage %s did not end within %s", stage.Name, stage.Timeout), stage.OnTimeout
	case end.exit.OOM:
		what, as = fmt.Sprintf("stage %s ran out of memory", stage.Name), stage.OnOOM
	default:
		return Judgement{}, false
	}
	if as == scenarios.CountBad {
		return Judgement{Verdict: bisect.Bad, Reason: what}, true
	}
	return skip("%s", what), true
}

// status says how a stage ended, with the line that says best why; "" where it said nothing.
func status(code int, line string) string {
	text := fmt.Sprintf("status %d", code)
	if line != "" {
		text += ": " + line
	}
	return text
}

func skip(format string, args ...any) Judgement {
	return Judgement{Verdict: bisect.Skip, Reason: fmt.Sprintf(format, args...)}
}
