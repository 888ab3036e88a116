package checkout

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

// TestASubmoduleLeadsToNoOtherRepository has a commit ask for that of a private repository of the user's,
// under names and paths that lead there.
func TestASubmoduleLeadsToNoOtherRepository(t *testing.T) {
	t.Parallel()
	private := gittest.Line(t, 2)
	secret := gittest.Run(t, private, "rev-parse", "HEAD")
	beside := filepath.Join(filepath.Dir(private), "beside") // at a path that a link of the repository can name
	if err := os.Rename(private, beside); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		name, path string
		link       string // in the work tree, to the folder beside it or to the one above
		to         string
		want       string
	}{
		"a path through a link":      {"x", "deps/beside", "deps", "", "never fetched"},
		"a path that is a link":      {"x", "deps", "deps", "beside", "never fetched"},
		"a path deep through a link": {"x", "a/deps/beside", "a/deps", "", "never fetched"},
		// Names with .. in them are dropped as the file is read, as git drops them.
		"a name that leads up":           {"../../../beside/.git", "x", "", "", "does not mention it"},
		"a name that goes down first":    {"a/../../../../beside/.git", "x", "", "", "does not mention it"},
		"a name with .. that stays":      {"a/../other", "x", "", "", "does not mention it"},
		"an absolute name":               {filepath.Join(beside, ".git"), "x", "", "", "does not mention it"},
		"no name to speak of":            {"./.", "x", "", "", "leads out of the repository"},
		"the inside of another":          {"other/modules/inner", "x", "", "", "leads into that of another submodule, other"},
		"the same with back slashes":     {`other\..\inner`, "x", "", "", "does not mention it"},
		"a folder of another's git file": {"other/objects", "x", "", "", "leads into that of another submodule, other"},
	} {
		dir := gittest.Line(t, 1)
		other := filepath.Join(dir, ".git/modules/other")
		gittest.Run(t, dir, "clone", "-q", "--bare", beside, other)
		gittest.Run(t, dir, "clone", "-q", "--bare", beside, filepath.Join(other, "modules/inner"))
		config := []byte("[submodule \"" + strings.ReplaceAll(c.name, `\`, `\\`) + "\"]\n\tpath = " + c.path + "\n\turl = https://example.org/x\n")
		if err := os.WriteFile(filepath.Join(dir, ".gitmodules"), config, 0o644); err != nil {
			t.Fatal(err)
		}
		gittest.Run(t, dir, "add", ".gitmodules")
		gittest.Run(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+secret+","+c.path)
		gittest.Run(t, dir, "commit", "-q", "-m", "hostile")
		if c.link != "" {
			at := filepath.Join(dir, c.link)
			if err := errors.Join(os.RemoveAll(at), os.MkdirAll(filepath.Dir(at), 0o755), os.Symlink(filepath.Join(filepath.Dir(beside), c.to), at)); err != nil {
				t.Fatal(err)
			}
		}
		r := opened(t, dir)
		err := NewSource(r, SourceOptions{Submodules: true}).WriteTar(t.Context(), resolved(t, r, "HEAD").ID, io.Discard)
		var missing *git.SubmodulesError
		if !errors.As(err, &missing) || len(missing.Missing) != 1 || !strings.Contains(missing.Missing[0].Why, c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
}
