package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"buildbisect/runner/git/gittext"
)

// stamp is a file in an imported repository that holds the sha256 of the text it was made from.
const stamp = "imported-from"

// Import loads git fast-import text into a new bare repository in dir and opens it. A dir that already holds
// the result of the same bytes is opened at once; one that holds that of others is replaced; any other folder
// is refused. The repository is made beside dir and renamed, so a kill leaves dir either absent or whole. It
// takes git, without any of its user's config.
func Import(ctx context.Context, r io.Reader, dir string) (*Repository, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:]) + "\n"
	have, err := os.ReadFile(filepath.Join(dir, stamp))
	if err != nil {
		if taken := mustBeFree(dir); taken != nil {
			// Another process may have put it there just now.
			if have, err = os.ReadFile(filepath.Join(dir, stamp)); err != nil {
				return nil, taken
			}
		}
	}
	if err == nil && string(have) == want {
		return openImported(dir)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("import history: %w: install git, which reads it", err)
	}
	parent, err := filepath.Abs(filepath.Dir(dir))
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".tmp-")
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	defer os.RemoveAll(temp)
	fresh := filepath.Join(temp, "fresh")
	if err := fastImport(ctx, program, text, fresh, want); err != nil {
		return nil, fmt.Errorf("import history into %s: %w", dir, err)
	}
	if err := swapIn(fresh, dir, filepath.Join(temp, "replaced"), want); err != nil {
		return nil, fmt.Errorf("import history into %s: %w", dir, err)
	}
	return openImported(dir)
}

func openImported(dir string) (*Repository, error) {
	at, found, err := lookIn(dir)
	if err == nil && found {
		return Open(at.GitDir)
	}
	return nil, &NotRepositoryError{Path: dir, Why: "the history imported here is damaged; remove the folder and run again"}
}

// mustBeFree refuses a folder that holds anything not made here.
func mustBeFree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	} else if err != nil {
		return fmt.Errorf("import history: %w", err)
	}
	return fmt.Errorf("import history: %s holds something else; remove it, or name another folder", dir)
}

// swapIn moves fresh to dir. The same put there by another process in the meantime is left: it may be in use
// already.
func swapIn(fresh, dir, aside, want string) error {
	err := os.Rename(fresh, dir) // fails if dir holds anything
	if err == nil {
		return nil
	}
	if have, readErr := os.ReadFile(filepath.Join(dir, stamp)); readErr != nil {
		return err
	} else if string(have) == want {
		return nil
	}
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// fastImport makes a bare repository in the new folder dir, the stamp last.
func fastImport(ctx context.Context, program string, text []byte, dir, sum string) error {
	git := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = BareEnv(dir)
		return cmd
	}
	if _, err := git("init", "-q", "--bare", "--template=", dir).Output(); err != nil {
		return GitSaid(err)
	}
	load := git("-c", "fastimport.unpackLimit=0", "fast-import", "--quiet")
	load.Stdin = bytes.NewReader(text)
	if _, err := load.Output(); err != nil {
		said, _, _ := strings.Cut(GitSaid(err).Error(), "fast-import: dumping") // into the folder that goes
		return errors.New(strings.TrimRight(said, "\n"+string(unicode.ReplacementChar)))
	}
	branches, err := git("for-each-ref", "--format=%(refname)", "refs/heads/").Output()
	if err != nil {
		return GitSaid(err)
	}
	names := strings.Fields(string(branches))
	if len(names) == 0 {
		return errors.New("there is no branch in it")
	}
	if _, err := git("symbolic-ref", "HEAD", head(names, text)).Output(); err != nil {
		return GitSaid(err)
	}
	return os.WriteFile(filepath.Join(dir, stamp), []byte(sum), 0o666)
}

// BareEnv has git work in dir, with none of its user's config.
func BareEnv(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_DIR=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
}

// head is the branch that HEAD names: main, else master, else the one committed to first.
func head(names []string, text []byte) string {
	for _, name := range []string{"refs/heads/main", "refs/heads/master"} {
		if slices.Contains(names, name) {
			return name
		}
	}
	for line := range bytes.Lines(text) {
		if name, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\n")), []byte("commit ")); ok && slices.Contains(names, string(name)) {
			return string(name)
		}
	}
	return names[0]
}

// GitSaid adds what a program said to how it ended.
func GitSaid(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, gittext.Printable(strings.TrimSpace(string(exit.Stderr))))
	}
	return err
}
