// Package gittest makes repositories for tests, with the real git, which judges what git means.
package gittest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gitSettings are what every git of these tests runs with: none of it is about what git answers.
var gitSettings = map[string]string{
	"protocol.file.allow": "always", // of submodules
	"core.fsync":          "none",   // a crash of the machine is not among the tests
	"maintenance.auto":    "false",  // nothing in the background
	"gc.auto":             "0",
	"pack.threads":        "1",
}

// Run runs the real git in dir, with no configuration but its own and fixed times, and returns what it
// printed.
func Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := Try(t, dir, "", args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(out, "\n")
}

// Try is [Run] with something on standard input, which returns how git ended.
func Try(t testing.TB, dir, stdin string, args ...string) (string, error) {
	t.Helper()
	return In(t, dir, nil, stdin, args...)
}

// In is [Try] with more variables in the environment.
func In(t testing.TB, dir string, env []string, stdin string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A U Thor", "GIT_AUTHOR_EMAIL=author@example.com", "GIT_AUTHOR_DATE=1600000000 +0200",
		"GIT_COMMITTER_NAME=C O Mitter", "GIT_COMMITTER_EMAIL=committer@example.com", "GIT_COMMITTER_DATE=1600000000 +0200",
		fmt.Sprint("GIT_CONFIG_COUNT=", len(gitSettings)))
	for i, name := range slices.Sorted(maps.Keys(gitSettings)) {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, name), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, gitSettings[name]))
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Fewer is how many of n rounds, each with a truth of its own, are enough where time is short.
func Fewer(n int) int {
	if testing.Short() {
		return max(2, n/4)
	}
	return n
}

// WriteFiles writes files, given by their paths below dir.
func WriteFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Line makes a repository of n commits in line; a commit's title is its number from 1, and a tag vN names it.
func Line(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	Run(t, dir, "init", "-q", "-b", "main")
	var text strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&text, "commit refs/heads/main\nauthor A U Thor <author@example.com> 1600000000 +0200\n")
		fmt.Fprintf(&text, "committer C O Mitter <committer@example.com> 1600000000 +0200\ndata <<.\n%d\n.\n", i)
		fmt.Fprintf(&text, "M 644 inline number\ndata <<.\n%d\n.\nM 644 inline folder/same\ndata 5\nsame\n", i)
		fmt.Fprintf(&text, "reset refs/tags/v%d\nfrom refs/heads/main\n\n", i)
	}
	if out, err := Try(t, dir, text.String(), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	Run(t, dir, "reset", "-q", "--hard")
	return dir
}

// Snapshot lists every file below dir with its size, mode and time.
func Snapshot(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.Mode(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Sorted sorts s in place, and returns it.
func Sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// Rename moves a file or a folder.
func Rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// Packs lists the indexes of a repository's packs, of which there must be one.
func Packs(t testing.TB, dir string) []string {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.idx"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no packs in %s: %v", dir, err)
	}
	return packs
}
