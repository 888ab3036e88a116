package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cutEngine ends the scripts' own engine and all in it, as a loss of power does: `cut-engine`.
func cutEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: cut-engine")
	}
	ts.Check(ts.Value(engineKey{}).(*engineSuite).nest.Cut(context.Background()))
}

// startEngine starts it again: `start-engine`.
func startEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: start-engine")
	}
	ts.Check(ts.Value(engineKey{}).(*engineSuite).nest.Start(context.Background()))
}

// waitsFor waits until a file says something: `waits-for GLOB PATTERN`.
func waitsFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waits-for GLOB PATTERN")
	}
	pattern := regexp.MustCompile(args[1])
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && pattern.Match(text) {
				return
			}
		}
	}
	ts.Fatalf("%s: %q is not in it", args[0], args[1])
}
