package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits runs a command that must end with exactly this status: `exits STATUS COMMAND [ARG...]`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// makeHistory makes a repository of the current folder: `history N` gives commits 1 to N, so called and
// tagged v1 to vN. File n holds the commit's number; the other files of the folder are in all of them.
func makeHistory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: history N")
	}
	last, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(ts.Exec("git", "init", "-q", "-b", "main"))
	for i := 1; i <= last; i++ {
		name := strconv.Itoa(i)
		ts.Check(os.WriteFile(ts.MkAbs("n"), []byte(name+"\n"), 0o644))
		ts.Check(ts.Exec("git", "add", "--all", "."))
		ts.Check(ts.Exec("git", "commit", "-q", "-m", name))
		ts.Check(ts.Exec("git", "tag", "v"+name))
	}
}

// jsonHas looks into a JSON document: `json FILE PATH[=VALUE]...`. FILE may be stdout. PATH leads through
// keys and indices, parted by dots, where len is the number of elements. Without a value the place must only
// be there.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: json FILE PATH[=VALUE]...")
	}
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &document); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	for _, arg := range args[1:] {
		path, want, compare := strings.Cut(arg, "=")
		got, err := lookUp(document, path)
		if err != nil {
			ts.Fatalf("%s: %s: %v", args[0], path, err)
		}
		text, isText := got.(string)
		if !isText {
			compact, err := json.Marshal(got)
			ts.Check(err)
			text = string(compact)
		}
		if compare && text != want {
			ts.Fatalf("%s: %s is %s, want %s", args[0], path, text, want)
		}
	}
}

func lookUp(document any, path string) (any, error) {
	for step := range strings.SplitSeq(path, ".") {
		switch at := document.(type) {
		case map[string]any:
			value, ok := at[step]
			if !ok {
				return nil, fmt.Errorf("no %q", step)
			}
			document = value
		case []any:
			if step == "len" {
				document = len(at)
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return nil, fmt.Errorf("no element %q of %d", step, len(at))
			}
			document = at[i]
		default:
			return nil, fmt.Errorf("nothing below, so no %q", step)
		}
	}
	return document, nil
}

// lockedSocket listens on a socket that nobody but root may open: `locked-socket PATH`.
func lockedSocket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: locked-socket PATH")
	}
	path := ts.MkAbs(args[0])
	l, err := net.Listen("unix", path)
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Check(os.Chmod(path, 0))
	// Temporary folders are closed to others: open those that lead to the socket and to the program.
	program, err := exec.LookPath("bisect")
	ts.Check(err)
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(program)} {
		ts.Check(os.Chmod(dir, 0o755))
		ts.Check(os.Chmod(filepath.Dir(dir), 0o755))
	}
}
