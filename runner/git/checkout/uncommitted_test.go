package checkout

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/git/gittest"
)

// statusOf asks git which tracked files are changed.
func statusOf(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for line := range strings.SplitSeq(gittest.Run(t, dir, "-c", "core.quotePath=false", "status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all"), "\x00") {
		if len(line) > 3 {
			paths = append(paths, line[3:])
		}
	}
	return gittest.Sorted(paths)
}

func TestUncommittedChangesAreThoseOfGitStatus(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	w := attrWorld{rng}
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	files := map[string]string{".gitattributes": "*.txt text eol=crlf\n*.u16 text working-tree-encoding=UTF-16\n*.id ident\n", "a/b/exe": "#!\n"}
	for i := range 40 {
		files[fmt.Sprintf("d%d/f%d.%s", i%5, i, w.one("txt", "u16", "id", "plain"))] = fmt.Sprintf("line %d\n$Id$\n", i)
	}
	for name, content := range files {
		if strings.HasSuffix(name, ".u16") {
			files[name] = "\xff\xfe" + strings.Join(strings.Split(content, ""), "\x00") + "\x00"
		}
	}
	gittest.WriteFiles(t, dir, files)
	if err := os.Symlink("a/b", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "-q", "-m", "1")
	gittest.Run(t, dir, "rm", "-q", "-r", "--cached", ".")
	gittest.Run(t, dir, "reset", "-q", "--hard") // as a checkout has them
	names := strings.Split(gittest.Run(t, dir, "ls-files"), "\n")
	for round := range gittest.Fewer(24) {
		clone := filepath.Join(t.TempDir(), "clone")
		gittest.Run(t, dir, "clone", "-q", dir, clone)
		if round%2 == 0 { // else files are as old as the index
			past := time.Now().Add(-time.Hour)
			for _, name := range names {
				if err := os.Chtimes(filepath.Join(clone, name), past, past); err != nil && name != "link" {
					t.Fatal(err)
				}
			}
			gittest.Run(t, clone, "status")
		}
		for range rng.IntN(6) {
			name := names[rng.IntN(len(names))]
			path := filepath.Join(clone, name)
			var err error
			switch rng.IntN(8) {
			case 0:
				err = os.RemoveAll(path)
			case 1:
				err = os.RemoveAll(path)
				gittest.WriteFiles(t, clone, map[string]string{name: "changed"})
			case 2:
				if now := time.Now().Add(time.Hour); name != "link" {
					err = os.Chtimes(path, now, now)
				}
			case 3:
				if name != "link" {
					err = os.Chmod(path, 0o755)
				}
			case 4:
				gittest.WriteFiles(t, clone, map[string]string{name + "new": "new"})
				gittest.Run(t, clone, "add", "-A")
			case 5:
				_, _ = gittest.Try(t, clone, "", "rm", "-q", "--cached", "--", name)
			case 6:
				var content []byte
				if content, err = os.ReadFile(path); err == nil && len(content) > 2 {
					content[len(content)/2] ^= 1 // same size, and perhaps the same time
					err = os.WriteFile(path, content, 0o644)
				}
			case 7:
				_ = os.Remove(path)
				err = os.Symlink("elsewhere", path)
			}
			if err != nil && !os.IsNotExist(err) && !os.IsExist(err) && name != "link" {
				t.Fatal(err)
			}
		}
		before := gittest.Snapshot(t, clone)
		got, err := Uncommitted(t.Context(), opened(t, clone))
		if err != nil {
			t.Fatal(err)
		}
		if after := gittest.Snapshot(t, clone); after != before {
			t.Error("the repository was written to")
		}
		if want := statusOf(t, clone); !slices.Equal(gittest.Sorted(got), want) {
			t.Errorf("round %d: %q, git says %q", round, got, want)
		}
	}
}

func TestUncommittedChangesRunNothingOfTheRepository(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 1)
	hit := filepath.Join(t.TempDir(), "hit")
	gittest.Run(t, dir, "config", "core.fsmonitor", "touch "+hit)
	gittest.Run(t, dir, "config", "filter.evil.clean", "touch "+hit)
	gittest.WriteFiles(t, dir, map[string]string{".gitattributes": "* filter=evil\n"})
	gittest.Run(t, dir, "-c", "core.fsmonitor=", "-c", "filter.evil.clean=", "add", "-A")
	gittest.Run(t, dir, "-c", "core.fsmonitor=", "-c", "filter.evil.clean=", "commit", "-q", "-m", "evil")
	_ = os.Remove(hit)
	gittest.WriteFiles(t, dir, map[string]string{"number": "other"})
	if _, err := Uncommitted(t.Context(), opened(t, dir)); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(hit); err == nil {
		t.Error("a program of the repository ran")
	}
}

func TestADamagedIndexEndsNothing(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 1)
	whole, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 7 {
		gittest.WriteFiles(t, dir, map[string]string{".git/index": string(whole[:n])})
		if _, err := Uncommitted(t.Context(), opened(t, dir)); err == nil || !strings.Contains(err.Error(), "uncommitted changes in") {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}
