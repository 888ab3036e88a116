package git

import (
	"os"
	"path/filepath"
	"testing"
)

// TestABisectionGivesFilesAsTheyWereWhereItBegan goes through all that a file can be while git bisects.
func TestABisectionGivesFilesAsTheyWereWhereItBegan(t *testing.T) {
	dir := t.TempDir()
	runGit(t, dir, "init", "-q", "-b", "main")
	write := func(files map[string]string, title string) {
		writeFiles(t, dir, files)
		runGit(t, dir, "add", "-A")
		runGit(t, dir, "commit", "-q", "-m", title)
		runGit(t, dir, "tag", title)
	}
	write(map[string]string{"same": "s", "older": "old", "gone": "only then", "mine": "m", "crlf": "a\nb\n", "place": "a file"}, "v1")
	write(map[string]string{"n": "2"}, "v2")
	runGit(t, dir, "rm", "-q", "gone", "place")
	write(map[string]string{"older": "new", "later/deep": "deep", "empty": "", "crlf": "c\n", "place/in": "a folder"}, "v3")

	repo := open(t, dir)
	if b, err := repo.Bisection(); b != nil || err != nil {
		t.Fatalf("no bisection: got %v, %v", b, err)
	}
	runGit(t, dir, "bisect", "start", "v3", "v1")
	if head := runGit(t, dir, "rev-parse", "HEAD"); head != runGit(t, dir, "rev-parse", "v2") {
		t.Fatalf("git checked out %s", head)
	}
	writeFiles(t, dir, map[string]string{"mine": "changed", "untracked": "u", "crlf": "a\r\nb\r\n"})
	for name, want := range map[string]struct {
		text    string
		changed bool
		absent  bool
	}{
		"same": {text: "s"}, "older": {text: "new", changed: true}, "later/deep": {text: "deep", changed: true}, "gone": {changed: true, absent: true},
		"mine": {absent: true}, "untracked": {absent: true}, "nowhere": {absent: true}, "empty": {changed: true}, "crlf": {text: "c\n", changed: true},
		"place/in": {text: "a folder", changed: true}, "../outside": {absent: true},
	} {
		for _, round := range []string{"begun", "after a bad one moved refs/bisect/bad"} {
			if round != "begun" {
				runGit(t, dir, "update-ref", "refs/bisect/bad", "v2")
			}
			b, err := repo.Bisection()
			if err != nil {
				t.Fatal(err)
			}
			text, _, changed, err := b.Fixed(filepath.Join(dir, name))
			if err != nil || string(text) != want.text || changed != want.changed || (text == nil) != want.absent {
				t.Errorf("%s, %s: got %q (nil: %v), changed %v, %v", name, round, text, text == nil, changed, err)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "crlf")); err != nil {
		t.Fatal(err)
	}
	runGit(t, dir, "checkout", "-q", "--", ".")
	runGit(t, dir, "bisect", "reset")
	if b, err := repo.Bisection(); b != nil || err != nil {
		t.Fatalf("it has ended: got %v, %v", b, err)
	}
}
