package checkout

import (
	"testing"

	"buildbisect/runner/git/gittest"
)

// TestGitInATreeReadsWhatIsReplacedAndGrafted as it is read in the repository.
func TestGitInATreeReadsWhatIsReplacedAndGrafted(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 6)
	gittest.Run(t, dir, "checkout", "-q", "v3")
	gittest.WriteFiles(t, dir, map[string]string{"number": "another 3\n"})
	gittest.Run(t, dir, "commit", "-q", "-a", "-m", "three anew")
	gittest.Run(t, dir, "replace", "v3", "HEAD")
	gittest.Run(t, dir, "checkout", "-q", "main")
	gittest.WriteFiles(t, dir, map[string]string{".git/info/grafts": gittest.Run(t, dir, "rev-parse", "v5") + " " + gittest.Run(t, dir, "rev-parse", "v3") + "\n"})
	r := opened(t, dir)
	got := unpack(t, NewSource(r, SourceOptions{Git: true}), resolved(t, r, "v6").ID)
	for _, args := range [][]string{{"log", "-p", "--format=%s"}, {"describe", "--tags"}, {"rev-list", "--count", "HEAD"}, {"log", "--format=%s", "--", "number"}, {"show", "v3"}} {
		args = append([]string{"-c", "advice.graftFileDeprecated=false"}, args...)
		if a, b := gittest.Run(t, got, args...), gittest.Run(t, dir, args...); a != b {
			t.Errorf("git %s:\n%s\nin the repository:\n%s", args, a, b)
		}
	}
}
