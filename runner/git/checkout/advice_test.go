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

// TestTheAdviceForARepositoryThatCannotBeReadMakesItReadable runs the command of each error, as it stands, on
// a real repository.
func TestTheAdviceForARepositoryThatCannotBeReadMakesItReadable(t *testing.T) {
	t.Parallel()
	read := func(dir string) error {
		r, err := git.Open(dir)
		if err != nil {
			return err
		}
		defer r.Close()
		good, err := r.Resolve("v1")
		if err != nil {
			return err
		}
		bad, err := r.Resolve("HEAD")
		if err != nil {
			return err
		}
		if _, err := r.History(t.Context(), good, bad, git.HistoryOptions{}); err != nil {
			return err
		}
		for _, c := range []git.Commit{good, bad} {
			if err := NewSource(r, SourceOptions{}).WriteTar(t.Context(), c.ID, io.Discard); err != nil {
				return err
			}
		}
		return nil
	}
	clone := func(t *testing.T, args ...string) (dir string) {
		from := gittest.Line(t, 5)
		gittest.Run(t, from, "config", "uploadpack.allowFilter", "true")
		gittest.Run(t, from, "config", "uploadpack.allowAnySHA1InWant", "true")
		dir = filepath.Join(t.TempDir(), "it's a clone")
		gittest.Run(t, from, append(append([]string{"clone", "-q"}, args...), "file://"+from, dir)...)
		return dir
	}
	pack := func(t *testing.T, dir string) string { return strings.TrimSuffix(gittest.Packs(t, dir)[0], ".idx") }
	for _, c := range []struct {
		name string
		make func(t *testing.T) string
		copy string // what is added to the name of a copy that the command makes
	}{
		{"SHA-256 ids", func(t *testing.T) string {
			dir := filepath.Join(t.TempDir(), "sha256 repo")
			gittest.Run(t, t.TempDir(), "init", "-q", "-b", "main", "--object-format=sha256", dir)
			for _, tag := range []string{"v1", "v2"} {
				gittest.WriteFiles(t, dir, map[string]string{"file": tag})
				gittest.Run(t, dir, "add", "-A")
				gittest.Run(t, dir, "commit", "-q", "-m", tag)
				gittest.Run(t, dir, "tag", "-a", "-m", tag, tag)
			}
			return dir
		}, ".sha1.git"},
		{"a partial clone", func(t *testing.T) string { return clone(t, "--filter=blob:none", "--no-checkout") }, ""},
		{"a clone without trees", func(t *testing.T) string { return clone(t, "--filter=tree:0", "--no-checkout") }, ""},
		{"an index that is broken", func(t *testing.T) string {
			dir := clone(t)
			truncate(t, pack(t, dir)+".idx", 1100)
			return dir
		}, ""},
		{"a pack that is broken", func(t *testing.T) string {
			dir := clone(t)
			damage(t, pack(t, dir)+".pack")
			return dir
		}, ""},
		{"a pack that is gone", func(t *testing.T) string {
			dir := clone(t)
			for _, ext := range []string{".pack", ".idx"} {
				remove(t, pack(t, dir)+ext)
			}
			return dir
		}, ""},
		{"a loose object that is broken", func(t *testing.T) string {
			dir := clone(t)
			id := gittest.Run(t, dir, "rev-parse", "v1:number")
			away := filepath.Join(t.TempDir(), "away")
			gittest.Rename(t, pack(t, dir)+".pack", away+".pack")
			content, err := os.ReadFile(away + ".pack")
			if err != nil {
				t.Fatal(err)
			}
			if out, err := gittest.Try(t, dir, string(content), "unpack-objects", "-q"); err != nil {
				t.Fatal(out)
			}
			remove(t, filepath.Join(dir, ".git/objects", id[:2], id[2:]))
			gittest.WriteFiles(t, dir, map[string]string{filepath.Join(".git/objects", id[:2], id[2:]): "garbage"})
			return dir
		}, ""},
		{"objects of another that is gone", func(t *testing.T) string {
			dir := clone(t)
			store := filepath.Join(t.TempDir(), "store")
			gittest.Rename(t, filepath.Join(dir, ".git/objects/pack"), store)
			gittest.WriteFiles(t, dir, map[string]string{".git/objects/info/alternates": "/nowhere/at/all\n"})
			return dir
		}, ""},
		{"a shallow clone", func(t *testing.T) string {
			dir := clone(t, "--depth=2")
			gittest.Run(t, dir, "fetch", "-q", "--depth=1", "origin", "tag", "v1")
			return dir
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := c.make(t)
			err := read(dir)
			command := commandOf(err)
			if command == "" {
				t.Fatalf("got %v, want an error with a command", err)
			}
			t.Log(err)
			runAdvice(t, command)
			if err := read(dir + c.copy); err != nil {
				t.Errorf("after %s: %v", command, err)
			}
		})
	}
}

// commandOf is the command that an error advises, or "".
func commandOf(err error) string {
	if not, ok := errors.AsType[*git.NotRepositoryError](err); ok {
		return not.Command
	}
	if missing, ok := errors.AsType[*git.MissingObjectError](err); ok {
		return missing.Command
	}
	if shallow, ok := errors.AsType[*git.ShallowError](err); ok {
		return shallow.Command
	}
	return ""
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t testing.TB, path string, size int64) {
	t.Helper()
	makeWritable(t, path)
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func makeWritable(t testing.TB, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

// damage overwrites what stands behind the header of a pack, as a bad disk does.
func damage(t testing.TB, path string) {
	t.Helper()
	makeWritable(t, path)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 12; i < len(content)-20; i++ {
		content[i] ^= 0x55
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
