package git

import (
	"os"
	"path/filepath"
	"testing"

	"buildbisect/runner/git/gittest"
)

// TestABisectionGivesFilesAsTheyWereWhereItBegan goes through all that a file can be while git bisects.
func TestABisectionGivesFilesAsTheyWereWhereItBegan(t *testing.T) {
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	write := func(files map[string]string, title string) {
		gittest.WriteFiles(t, dir, files)
		gittest.Run(t, dir, "add", "-A")
		gittest.Run(t, dir, "commit", "-q", "-m", title)
		gittest.Run(t, dir, "tag", title)
	}
	write(map[string]string{"same": "s", "older": "old", "gone": "only then", "mine": "m", "crlf": "a\nb\n", "place": "a file"}, "v1")
	write(map[string]string{"n": "2"}, "v2")
	gittest.Run(t, dir, "rm", "-q", "gone", "place")
	write(map[string]string{"older": "new", "later/deep": "deep", "empty": "", "crlf": "c\n", "place/in": "a folder"}, "v3")

	repo := open(t, dir)
	if b, err := repo.Bisection(); b != nil || err != nil {
		t.Fatalf("no bisection: got %v, %v", b, err)
	}
	gittest.Run(t, dir, "bisect", "start", "v3", "v1")
	if head := gittest.Run(t, dir, "rev-parse", "HEAD"); head != gittest.Run(t, dir, "rev-parse", "v2") {
		t.Fatalf("git checked out %s", head)
	}
	gittest.WriteFiles(t, dir, map[string]string{"mine": "changed", "untracked": "u", "crlf": "a\r\nb\r\n"})
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
				gittest.Run(t, dir, "update-ref", "refs/bisect/bad", "v2")
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
	gittest.Run(t, dir, "checkout", "-q", "--", ".")
	gittest.Run(t, dir, "bisect", "reset")
	if b, err := repo.Bisection(); b != nil || err != nil {
		t.Fatalf("it has ended: got %v, %v", b, err)
	}
}
