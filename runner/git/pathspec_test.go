package git

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
	"buildbisect/runner/git/pattern"
)

// odd are names of files that a pattern could be mistaken about.
var odd = []string{
	"a", "b/x", "b/y.mk", "b/c/z", "b/c/z.mk", "build/one", "builder", "mk/one.mk", "two.mk", "[ab]/x", "[ab]/[id].ts", "[ab]/i.ts", `st*r`, `st*r2/f`,
	`back\slash`, "-dash", "]", "]x/y", "!bang", ".hidden/f", "Ünï", "with space/x y", ":colon", "b-c", "b.c", "a-dir/file",
}

// oddWorld has the files above and a submodule in one commit.
func oddWorld(t *testing.T) (*Repository, Commit) {
	t.Helper()
	var b strings.Builder
	b.WriteString("commit refs/heads/main\ncommitter C <c@example.com> 1 +0000\ndata 0\n")
	for _, name := range odd {
		fmt.Fprintf(&b, "M 100644 inline \"%s\"\ndata 0\n", strings.ReplaceAll(name, `\`, `\\`))
	}
	b.WriteString("M 160000 0123456789012345678901234567890123456789 module\n")
	r := importText(t, t.TempDir(), b.String())
	return r, resolve(t, r, "main")
}

// listed asks git which files of a commit some pathspecs stand for.
func listed(t *testing.T, r *Repository, specs []string) []string {
	t.Helper()
	out := gittest.Run(t, r.GitDir, append([]string{"diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-only", "main", "--"}, specs...)...)
	return gittest.Sorted(strings.FieldsFunc(out, func(c rune) bool { return c == 0 }))
}

// limited asks the same of this package.
func limited(t *testing.T, r *Repository, c Commit, spec []string) ([]string, error) {
	t.Helper()
	paths, err := pattern.Parse(spec)
	if err != nil {
		return nil, err
	}
	tree, err := r.Tree(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	diff := treeDiff{objects: r.Objects, limit: MostEntries, paths: paths, found: func(path string) bool {
		found = append(found, path)
		if path != "module" && !paths.Match(path) {
			t.Errorf("%q: the walk found %q, which does not match", spec, path)
		}
		return true
	}}
	if err := diff.differ(t.Context(), emptyTree, hashOf(tree)); err != nil {
		t.Fatal(err)
	}
	for _, path := range odd {
		if paths.Match(path) && !slices.Contains(found, path) {
			t.Errorf("%q matches %q, which the walk did not find", spec, path)
		}
	}
	return gittest.Sorted(found), nil
}

func TestPathsStandForTheFilesThatGitSays(t *testing.T) {
	t.Parallel()
	r, c := oddWorld(t)
	known := []string{
		".", "./", "a", "a/", "./a", "b", "b/", "b//c", "b/c/..", "b/.", "b/x/", "buil", "build", "*", "**", "*.mk", "b/*", "b*", "b*/", "b/*.mk", "*/z", "**/z.mk", "?", "b?c",
		"b?x", "[ab]", "[ab]/", "[ab]/*.ts", "[ab]/[id].ts", "[ab]/x", "[ab]*", "[!a]", "[^a]*", "[]]", "[]x]*", "[!]]", "[a-c]/x", "[-a]dash", "[a-]dash", `st\*r`, `st*r`, `st\*r2`,
		`back\\slash`, `back\slash`, "module", "module/", "module/x", "mod*", "mod*/", "[", "a[", "b/[", `a\`, "with space", "./:colon", "nowhere", "*hidden*", "b/c/z*", "Ün?", "Ün??", "*/*/*", "?-dir/f*",
	}
	known = append(known,
		":(glob)*.mk", ":(glob)**/*.mk", ":(glob)b/*", ":(glob)b/**", ":(glob)b/**/z*", ":(glob)**/x", ":(glob)*/*", ":(glob)b", ":(glob)[[:alpha:]]/x", ":(literal)[ab]/[id].ts",
		":(literal)*.mk", ":(literal)[ab]", ":(icase)B/X", ":(icase)*.MK", ":(icase)[AB]/X", ":(icase)[A-B]/x", ":(icase,glob)**/Z.MK", ":(icase)b-DIR", ":(icase)A-dir/", ":/b", ":/*.mk", ":(top)b/x", ":/", ":",
		"::b", ":/:b", ":(top,glob)b/*", ":(top)./b", ":(top)b//c", ":(glob,)b/*", "[[:alpha:]]/x", "[[:lower:][:digit:]]*", "[[:upper:]]*", "[[:nothing:]]", ":!b", ":^*.mk", ":(exclude)b/c", ":!/b", ":(exclude,icase)B",
		":(exclude,glob)b/*", ":!:colon", ":(icase)MODULE/", ":(icase)Ü*")
	rng := rand.New(rand.NewPCG(5, 5))
	var sets [][]string
	for _, spec := range known {
		sets = append(sets, []string{spec})
	}
	const alphabet = `aAb/*?[]!-^xcz.mk\:`
	magic := []string{"", "", "", ":(glob)", ":(icase)", ":(icase,glob)", ":(literal)", ":(top)", ":!", ":(exclude,glob)", ":(exclude,icase)", ":/", ":^"}
	for range gittest.Fewer(800) {
		var set []string
		for range 1 + rng.IntN(3) {
			text := []byte(odd[rng.IntN(len(odd))])
			if rng.IntN(2) == 0 {
				text = make([]byte, 1+rng.IntN(7))
			}
			for i := range text {
				if text[i] == 0 || rng.IntN(4) == 0 {
					text[i] = alphabet[rng.IntN(len(alphabet))]
				}
			}
			set = append(set, magic[rng.IntN(len(magic))]+string(text))
		}
		sets = append(sets, set)
	}
	compared := 0
	for i, set := range sets {
		got, err := limited(t, r, c, set)
		if refused := (*pattern.Error)(nil); errors.As(err, &refused) {
			if i < len(known) {
				t.Errorf("%q is refused: %v", set, err)
			}
			continue
		}
		compared++
		if want := listed(t, r, set); !slices.Equal(got, want) {
			t.Errorf("%q stand for %q, git says %q", set, got, want)
		}
	}
	t.Logf("compared %d sets of pathspecs with git", compared)
}
