package git

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"buildbisect/runner/git/gittest"
)

// everything uses each command of the format that is understood.
const everything = `feature done
# a comment
blob
mark :1
data 6
hello

progress half way
commit refs/heads/main
mark :2
author Zoë <zoe@example.com> 1600000000 +0200
committer C O Mitter <c@example.com> 1600000100 -0130
data <<END
first

with a body
END
M 100644 :1 a/one
M 755 inline a/run.sh
data <<EOF
#!/bin/sh
# no comment, this
EOF

M 120000 inline link
data 5
a/one
M 100644 :1 "quoted \"name\" \303\244\t"
M 100644 :1 plain name with spaces
M 160000 0123456789012345678901234567890123456789 module
M 100644 :1 a.b
M 100644 :1 a-b

commit refs/heads/main
mark :3
committer <nameless@example.com> 1600000200 +0000
data 0
D a/one
R a/run.sh tools/deep/run.sh
C link tools/link
R "plain name with spaces" plain

commit refs/heads/side
mark :4
committer C <c@example.com> 1600000300 +0000
encoding ISO-8859-1
data 5
side
from :2
deleteall
M 100644 inline only
data 4
only
reset refs/heads/copy
from :3

commit refs/heads/main
mark :5
committer C <c@example.com> 1600000400 +0000
data <<.
merge of three
.
from refs/heads/copy
merge :4
merge :2
M 644 inline tools
data 7
a file
D a-b

commit refs/heads/orphan
committer C <c@example.com> 1600000500 +0000
data 6
empty
tag v1
from :5
tagger T <t@example.com> 1600000600 +0000
data 4
one

tag untagged
from :2
data 0
reset refs/tags/light
from :4

reset refs/heads/gone
reset refs/heads/side
commit refs/heads/side
committer C <c@example.com> 1600000700 +0000
data 8
anew: é
M 100644 inline x
data 0

done
this is never read
`

// sameAsGit imports text with git and with Import and compares all refs and all objects.
func sameAsGit(t *testing.T, text string) {
	t.Helper()
	theirs := t.TempDir()
	gittest.Run(t, theirs, "init", "-q", "--bare")
	if out, err := gittest.Try(t, theirs, text, "fast-import", "--quiet"); err != nil {
		t.Fatalf("git fast-import: %s", out)
	}
	ours := importText(t, t.TempDir(), text)
	for _, args := range [][]string{{"for-each-ref"}, {"rev-list", "--all", "--objects"}} {
		want, got := gittest.Run(t, theirs, args...), gittest.Run(t, ours.GitDir, args...)
		if got != want {
			t.Errorf("git %s:\n%s\nafter git fast-import:\n%s", args, got, want)
		}
	}
	gittest.Run(t, ours.GitDir, "fsck", "--no-dangling")
}

func TestImportGivesTheIDsOfGit(t *testing.T) {
	t.Parallel()
	sameAsGit(t, everything)
	r := importText(t, t.TempDir(), everything)
	if c := resolve(t, r, "HEAD"); c.Subject != "merge of three" || c.ID != resolve(t, r, "v1").ID {
		t.Errorf("HEAD is %s", c)
	}
}

func TestAMistakeInImportedTextIsAnErrorOfGitAndLeavesNothing(t *testing.T) {
	t.Parallel()
	begin := "commit refs/heads/main\nmark :1\ncommitter C <c@example.com> 1 +0000\ndata 3\none\n"
	for text, want := range map[string]string{
		"":                                   "there is no branch in it",
		"hello\n":                            "Unsupported command: hello",
		"feature done\n" + begin:             "stream ends early",
		begin + "M 644 :9 a\n":               "mark :9 not declared",
		begin + "M 040000 inline a\n":        "Directories cannot be specified 'inline': M 040000 inline a",
		"feature export-marks=marks\ndone\n": "unsafe",
	} {
		dir := filepath.Join(t.TempDir(), "imported")
		_, err := Import(t.Context(), strings.NewReader(text), dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 0 {
			t.Errorf("%q left %v", text, entries)
		}
	}
}

func TestHeadNamesTheBranchThatPeopleMean(t *testing.T) {
	for text, want := range map[string]string{
		"commit refs/heads/b\ncommit refs/heads/a\n":       "refs/heads/b",
		"commit refs/heads/b\ncommit refs/heads/master\n":  "refs/heads/master",
		"commit refs/heads/master\ncommit refs/heads/main": "refs/heads/main",
	} {
		var names []string
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			names = append(names, strings.TrimPrefix(line, "commit "))
		}
		slices.Sort(names)
		if got := head(names, []byte(text)); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestTheSameTextIsImportedOnce(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	var one, two strings.Builder
	commitText(&one, 1, nil, 1)
	commitText(&two, 2, nil, 2)
	r := importText(t, base, one.String())
	before := gittest.Snapshot(t, r.GitDir)
	importText(t, base, one.String())
	if after := gittest.Snapshot(t, r.GitDir); after != before {
		t.Errorf("made again:\n%s\n%s", before, after)
	}
	r = importText(t, base, two.String())
	if c := resolve(t, r, "HEAD"); c.Subject != "2" {
		t.Errorf("other text: HEAD is %s", c)
	}
	if entries, err := os.ReadDir(base); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v", entries)
	}
}

func TestTheSameTextIsImportedByManyAtOnce(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	var text strings.Builder
	for n := range 50 {
		commitText(&text, n, nil, n)
	}
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			r, err := Import(t.Context(), strings.NewReader(text.String()), filepath.Join(base, "imported"))
			if err != nil {
				return err
			}
			_, err = r.Resolve("b49")
			return errors.Join(err, r.Close())
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(base); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v", entries)
	}
}

func TestAFolderOfOthersIsNotImportedInto(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	gittest.WriteFiles(t, base, map[string]string{"imported/precious": "x"})
	var b strings.Builder
	commitText(&b, 1, nil, 1)
	if _, err := Import(t.Context(), strings.NewReader(b.String()), filepath.Join(base, "imported")); err == nil {
		t.Error("imported into a folder that holds something else")
	}
	if _, err := os.Stat(filepath.Join(base, "imported/precious")); err != nil {
		t.Error(err)
	}
}
