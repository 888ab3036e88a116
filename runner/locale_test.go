package runner

import (
	"testing"

	"buildbisect/runner/lab"
)

func TestAZoneIsAFileUnlessItIsARule(t *testing.T) {
	for zone, rule := range map[string]bool{
		"CET-1CEST": true, "EST5EDT": true, "<+03>-3": true, "UTC0": true,
		"CET": false, "Japan": false, "GB": false, "Europe/Vienna": false, "Etc/GMT+5": false,
	} {
		if got := lab.ZoneRule.MatchString(zone); got != rule {
			t.Errorf("%s: a rule: %v", zone, got)
		}
	}
}

func TestLocalesAreComparedAsTheCLibraryDoes(t *testing.T) {
	if lab.PlainLocale("tr_TR.UTF-8") != lab.PlainLocale("tr_TR.utf8") || lab.PlainLocale("C.UTF-8") != "c.utf8" || lab.PlainLocale("tr_TR") == lab.PlainLocale("tr_TR.utf8") {
		t.Error("not so")
	}
}
