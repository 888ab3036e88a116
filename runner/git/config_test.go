package git

import (
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

func TestConfigurationThatIsIncludedCounts(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 2)
	old := gittest.Run(t, dir, "rev-parse", "v1")
	gittest.Run(t, dir, "replace", "v2", "v1")
	gittest.WriteFiles(t, dir, map[string]string{
		".git/more":  "[include]\n\tpath = absent\n\tpath = most\n[includeIf \"onbranch:x\"]\n\tpath = /nowhere\n",
		".git/most":  "[core]\n\tuseReplaceRefs = off\n",
		".git/round": "[include]\n\tpath = round\n",
	})
	subject := func() string { return resolve(t, open(t, dir), "v2").Subject }
	if got := subject(); got != "1" {
		t.Fatalf("v2 is %q, want what replaces it (%s)", got, old)
	}
	gittest.Run(t, dir, "config", "include.path", "more")
	if got := subject(); got != "2" {
		t.Errorf("with core.useReplaceRefs off: v2 is %q", got)
	}
	gittest.Run(t, dir, "config", "include.path", "round")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "includes itself") {
		t.Errorf("a file that includes itself: %v", err)
	}
}
