package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// machineBefore is what a script's commands could leave a trace in.
type machineBefore struct {
	files map[string]string // path to what it is and holds
	asked *atomic.Int32     // connections to a server on loopback
}

// watched is the machine of each script, by its folder.
var watched sync.Map

// watchMachine notes how the machine is, and serves on loopback: `watch-machine`. In scenario files $PORT is
// the server's, and $CANARY a folder of the script's that no scenario may reach.
func watchMachine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: watch-machine")
	}
	asked := &atomic.Int32{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			c.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	for word, text := range map[string]string{"$PORT": port, "$CANARY": filepath.Join(ts.Getenv("WORK"), "canary")} {
		ts.Check(replaceInScenarios(ts.Getenv("WORK"), word, text))
	}
	files, err := filesOf(ts.Getenv("WORK"))
	ts.Check(err)
	watched.Store(ts.Getenv("WORK"), &machineBefore{files, asked})
}

// sameMachine compares with how it was: `same-machine [FOLDER...]`. Below these folders of the script's
// anything may have changed.
func sameMachine(ts *testscript.TestScript, neg bool, args []string) {
	at, ok := watched.Load(ts.Getenv("WORK"))
	if neg || !ok {
		ts.Fatalf("usage: watch-machine first, then same-machine [FOLDER...]")
	}
	before := at.(*machineBefore)
	after, err := filesOf(ts.Getenv("WORK"))
	ts.Check(err)
	paths := maps.Clone(before.files)
	maps.Copy(paths, after)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		allowed := slices.ContainsFunc(args, func(folder string) bool {
			own := ts.MkAbs(folder)
			return path == own || strings.HasPrefix(path, own+"/")
		})
		if !allowed && before.files[path] != after[path] {
			ts.Fatalf("%s was %q, and is %q", path, before.files[path], after[path])
		}
	}
	if n := before.asked.Load(); n != 0 {
		ts.Fatalf("the server on loopback was asked %d times", n)
	}
	if left := processesOf(ts.Getenv("WORK")); len(left) > 0 {
		ts.Fatalf("processes were left: %q", left)
	}
}

// filesOf describes all that lies in a script's folder, and the machine's own /etc and the folder of
// programs.
func filesOf(work string) (map[string]string, error) {
	files := map[string]string{}
	for _, top := range []string{work, "/etc", "/usr/local"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if top == work {
					return err
				}
				return nil // another's, or gone meanwhile
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			text := fmt.Sprint(info.Mode())
			switch {
			case d.Type()&fs.ModeSymlink != 0:
				to, err := os.Readlink(path)
				if err != nil {
					return err
				}
				text += " -> " + to
			case d.Type().IsRegular() && top == work:
				content, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				text += fmt.Sprintf(" %x", sha256.Sum256(content))
				fallthrough
			case d.Type().IsRegular():
				text += " " + info.ModTime().Format(time.RFC3339Nano)
			}
			files[path] = text
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// processesOf are the commands of processes that were started from a script, but for those that run it.
func processesOf(work string) (left []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(environ, []byte("\x00WORK="+work+"\x00")) && !bytes.HasPrefix(environ, []byte("WORK="+work+"\x00")) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		left = append(left, strings.ReplaceAll(string(command), "\x00", " "))
	}
	return left
}
