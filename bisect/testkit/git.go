package testkit

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Git runs the git of the machine in dir, with no configuration but its own.
func Git(t testing.TB, dir string, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=", "LC_ALL=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v (these tests compare with git; make setup installs it)\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// ImportHistories makes a repository of histories, each given by the parents of its commits, and returns the
// commits' ids. A commit without parents is a root.
func ImportHistories(t testing.TB, dir string, histories [][][]int) (ids [][]string) {
	t.Helper()
	var stream bytes.Buffer
	mark := 0
	for h, parents := range histories {
		first := mark + 1
		for i, list := range parents {
			mark++
			if len(list) == 0 {
				fmt.Fprintf(&stream, "reset refs/heads/h%d\n\n", h) // or the commit would go on from the one before
			}
			message := fmt.Sprintf("%d.%d", h, i)
			fmt.Fprintf(&stream, "commit refs/heads/h%d\nmark :%d\ncommitter C <c@example.com> %d +0000\ndata %d\n%s\n",
				h, mark, 1_600_000_000+mark, len(message), message)
			for k, p := range list {
				fmt.Fprintf(&stream, "%s :%d\n", []string{"from", "merge"}[min(k, 1)], first+p)
			}
			stream.WriteByte('\n')
		}
	}
	Git(t, dir, nil, "init", "-q", "--bare")
	Git(t, dir, stream.Bytes(), "fast-import", "--quiet", "--export-marks=marks")
	marks, err := os.ReadFile(dir + "/marks")
	if err != nil {
		t.Fatal(err)
	}
	id := make([]string, mark+1)
	lines := bufio.NewScanner(bytes.NewReader(marks))
	for lines.Scan() {
		var m int
		var sha string
		if _, err := fmt.Sscanf(lines.Text(), ":%d %s", &m, &sha); err != nil {
			t.Fatal(err)
		}
		id[m] = sha
	}
	mark = 1
	for _, parents := range histories {
		ids = append(ids, id[mark:mark+len(parents)])
		mark += len(parents)
	}
	return ids
}
