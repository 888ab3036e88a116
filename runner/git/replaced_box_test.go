package git

import "testing"

// TestGitInATreeReadsWhatIsReplacedAndGrafted as it is read in the repository.
func TestGitInATreeReadsWhatIsReplacedAndGrafted(t *testing.T) {
	t.Parallel()
	dir := line(t, 6)
	runGit(t, dir, "checkout", "-q", "v3")
	writeFiles(t, dir, map[string]string{"number": "another 3\n"})
	runGit(t, dir, "commit", "-q", "-a", "-m", "three anew")
	runGit(t, dir, "replace", "v3", "HEAD")
	runGit(t, dir, "checkout", "-q", "main")
	writeFiles(t, dir, map[string]string{".git/info/grafts": runGit(t, dir, "rev-parse", "v5") + " " + runGit(t, dir, "rev-parse", "v3") + "\n"})
	r := open(t, dir)
	got := unpack(t, NewSource(r, SourceOptions{Git: true}), resolve(t, r, "v6").ID)
	for _, args := range [][]string{{"log", "-p", "--format=%s"}, {"describe", "--tags"}, {"rev-list", "--count", "HEAD"}, {"log", "--format=%s", "--", "number"}, {"show", "v3"}} {
		args = append([]string{"-c", "advice.graftFileDeprecated=false"}, args...)
		if a, b := runGit(t, got, args...), runGit(t, dir, args...); a != b {
			t.Errorf("git %s:\n%s\nin the repository:\n%s", args, a, b)
		}
	}
}
