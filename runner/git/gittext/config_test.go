package gittext

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/git/gittest"
)

// TestConfigurationIsReadAsByGit reads random files, most of them odd, as `git config --list` does, and
// refuses those that git refuses.
func TestConfigurationIsReadAsByGit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pieces := []string{
		"[core]\n", "[branch.Main]\n", "[a.b \"C d\"]\n", "[diff \"\"]", "[branch \"J\xf6rg\"]\n", "[x \"a\\\"b\\\\c\\d\"]\n", "[user]name=x\n", "[UPPER \"Case\"] ; comment\n",
		"\tkey = value\n", "key=\n", "key\n", "Key-1 = a # b\n", "key = \"a # b\" ; c\n", "key = J\xf6rg\n", "key = a\\\n  b\n", "key = a\\n\\t\\b\\\\\\\"b\n",
		"key = \"quoted \" and   not  \n", "key\t=\tvalue  \r\n", "; comment\n", "# comment\r\n", "\n", "\r\n", "key = \"  \"x", " ", "\\", "key = \\\n\n", "key =   \\\n  x  \n",
		"[core\n", "[core\"x\"]\n", "[core ]\n", "key = \"open\n", "key = \\q\n", "1key = x\n", "key x\n", "= x\n", "[]\n", "[ \"x\"]\n", "]", "key = a\rb\n", "\xef\xbb\xbf",
	}
	compared, refused := 0, 0
	for seed := range gittest.Fewer(300) {
		rng := rand.New(rand.NewPCG(uint64(seed), 5))
		var text strings.Builder
		if rng.IntN(5) == 0 {
			text.WriteString("\xef\xbb\xbf")
		}
		text.WriteString("[core]\n")
		good := 27 // pieces that git takes, for the most part
		if rng.IntN(3) == 0 {
			good = len(pieces)
		}
		for range rng.IntN(8) {
			text.WriteString(pieces[rng.IntN(good)])
		}
		file := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		want, err := gittest.Try(t, dir, "", "config", "--no-includes", "--file", file, "--list", "-z")
		all, wrong := parseSettings([]byte(text.String()))
		if (err != nil) != (wrong > 0) {
			t.Errorf("%q: wrong in line %d, git says %v %s", text.String(), wrong, err, want)
			continue
		}
		if err != nil {
			refused++
			continue
		}
		var got strings.Builder
		for _, s := range all {
			name := s.Section
			if s.Section != "" {
				name += "."
			}
			if s.Sub != "" || strings.Contains(text.String(), `[diff ""]`) && s.Section == "diff" {
				name += s.Sub + "."
			}
			got.WriteString(name + s.Key)
			if !s.Bare {
				got.WriteString("\n" + s.Value)
			}
			got.WriteByte(0)
		}
		// Git 2.39 makes a blank of each tab or carriage return within a value, later ones leave it.
		if blanks := strings.NewReplacer("\t", " ", "\r", " ").Replace; blanks(got.String()) != blanks(want) {
			t.Errorf("%q: %q, git says %q", text.String(), got.String(), want)
		}
		compared++
	}
	t.Logf("%d files as git reads them, %d refused as by git", compared, refused)
	if compared == 0 || refused == 0 {
		t.Error("nothing was compared")
	}
}
