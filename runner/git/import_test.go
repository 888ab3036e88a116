package git

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
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
	runGit(t, theirs, "init", "-q", "--bare")
	if out, err := tryGit(t, theirs, text, "fast-import", "--quiet"); err != nil {
		t.Fatalf("git fast-import: %s", out)
	}
	ours := importText(t, t.TempDir(), text)
	for _, args := range [][]string{{"for-each-ref"}, {"rev-list", "--all", "--objects"}} {
		want, got := runGit(t, theirs, args...), runGit(t, ours.gitDir, args...)
		if got != want {
			t.Errorf("git %s:\n%s\nafter git fast-import:\n%s", args, got, want)
		}
	}
	runGit(t, ours.gitDir, "fsck", "--no-dangling")
}

func TestImportGivesTheIDsOfGit(t *testing.T) {
	t.Parallel()
	sameAsGit(t, everything)
	r := importText(t, t.TempDir(), everything)
	if c := resolve(t, r, "HEAD"); c.Subject != "merge of three" || c.ID != resolve(t, r, "v1").ID {
		t.Errorf("HEAD is %s", c)
	}
}

func TestImportGivesTheIDsOfGitOnRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(fewer(4)) {
		rng := rand.New(rand.NewPCG(seed, 4))
		paths := []string{"a", "a/b", "a/b/c", "a.x", "a-x", "b/a", "b/a/z", "c"}
		var b strings.Builder
		for n, parents := range randomParents(rng, 80) {
			fmt.Fprintf(&b, "commit refs/heads/b%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata <<.\n%d\n.\n", n, n+1, 1600000000+n, n)
			for i, parent := range parents {
				fmt.Fprintf(&b, "%s :%d\n", []string{"from", "merge"}[min(i, 1)], parent+1)
			}
			for range 1 + rng.IntN(4) {
				path := paths[rng.IntN(len(paths))]
				if rng.IntN(4) == 0 {
					fmt.Fprintf(&b, "D %s\n", path)
				} else {
					fmt.Fprintf(&b, "M %s inline %s\ndata <<.\n%d\n.\n", []string{"644", "755", "120000"}[rng.IntN(3)], path, rng.IntN(5))
				}
			}
		}
		sameAsGit(t, b.String())
	}
}

func TestMistakesInImportedTextAreFoundWithTheirLine(t *testing.T) {
	t.Parallel()
	head := "commit refs/heads/main\nmark :1\ncommitter C <c@example.com> 1 +0000\ndata 3\none\n" // 5 lines
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"", 0, "no commit in it"},
		{"hello\n", 1, "command \"hello\""},
		{"feature notes\n", 1, "feature"},
		{"feature done\n" + head, 6, "cut off"},
		{"commit main\n", 1, "refs/heads/main"},
		{"commit refs/heads/main\ndata 0\n", 2, "`committer` is expected"},
		{"commit refs/heads/main\ncommitter C c@example.com 1 +0000\n", 2, "NAME <EMAIL>"},
		{"commit refs/heads/main\ncommitter C <c> now\n", 2, "SECONDS"},
		{"commit refs/heads/main\ncommitter C <c> 1 +0000\nM 644 :1 a\n", 3, "`data` is expected"},
		{"commit refs/heads/main\ncommitter C <c> 1 +0000\ndata 99\nx\n", 3, "only 2 follow"},
		{"commit refs/heads/main\ncommitter C <c> 1 +0000\ndata <<X\nx\n", 4, "ends the data"},
		{"commit refs/heads/main\ncommitter C <c> 1 +0000\ndata x\n", 3, "number of bytes"},
		{head + "M 644 :9 a\n", 6, "names no blob"},
		{head + "M 644 :1 a\n", 6, "names no blob"},
		{head + "M 040000 inline a\n", 6, "mode"},
		{head + "M 160000 inline a\n", 6, "full id"},
		{head + "M 644 inline ../a\n", 6, "leave its folder"},
		{head + "M 644 inline .git/config\n", 6, "repository's own"},
		{head + "M 644 inline /a\n", 6, "empty"},
		{head + "M 644 inline \"a\n", 6, "does not end"},
		{head + "M 644 inline \"\\q\"\n", 6, "no escape"},
		{head + "M 644 inline \"a\" b\n", 6, "follows the path"},
		{head + "R a b\n", 6, "no \"a\" at this point"},
		{head + "N inline a\n", 6, "notes"},
		{head + "# comment\nreset refs/heads/x\nfrom :7\n", 8, "names no commit"},
		{head + "reset refs/heads/x\nfrom refs/heads/main^0\n", 7, "names no commit"},
		{head + "tag v1\ndata 0\n", 7, "`from` is expected"},
	} {
		dir := filepath.Join(t.TempDir(), "imported")
		_, err := Import(t.Context(), strings.NewReader(c.text), dir)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != c.line || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want line %d, %q", c.text, err, c.line, c.want)
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 0 {
			t.Errorf("%q left %v", c.text, entries)
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
	before := snapshot(t, r.gitDir)
	importText(t, base, one.String())
	if after := snapshot(t, r.gitDir); after != before {
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
	writeFiles(t, base, map[string]string{"imported/precious": "x"})
	var b strings.Builder
	commitText(&b, 1, nil, 1)
	if _, err := Import(t.Context(), strings.NewReader(b.String()), filepath.Join(base, "imported")); err == nil {
		t.Error("imported into a folder that holds something else")
	}
	if _, err := os.Stat(filepath.Join(base, "imported/precious")); err != nil {
		t.Error(err)
	}
}

func FuzzImportNeverPanics(f *testing.F) {
	f.Add(everything)
	f.Add("commit refs/heads/main\ncommitter <> 1 +0000\ndata 0\nM 644 inline \"\\")
	f.Fuzz(func(t *testing.T, text string) {
		made, err := parseImport(t.Context(), []byte(text))
		if (made == nil) == (err == nil) {
			t.Errorf("%v with %v", made, err)
		}
	})
}
