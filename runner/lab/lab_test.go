package lab

import (
	"strings"
	"testing"

	"buildbisect/runner/redact"
	"buildbisect/scenarios"
)

func TestLinesPutTogetherAnewHideASecretOfSeveralLines(t *testing.T) {
	s := redact.New(map[string]string{"TOKEN": "one\ntwo"})
	trial := Trial{Judgement: scenarios.Judgement{Reason: "fails: one\ntwo", Line: "one\ntwo"}, Tail: []string{"a", "one", "two", "b"}, Lines: []string{"one\ntwo"}}
	trial.redact(s)
	if trial.Reason != "fails: ***" || trial.Line != "***" || trial.Lines[0] != "***" || strings.Join(trial.Tail, "|") != "a|***|b" {
		t.Errorf("%+v", trial)
	}
}
