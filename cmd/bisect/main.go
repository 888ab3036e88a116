// Command bisect finds out which change broke a build: a commit, a tool, a variable, the base image, or several together.
//
// It is the only place that prints or exits.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A closed terminal (SIGHUP) or a reader that went away (SIGPIPE) must not leave containers behind either.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := command{stdout: os.Stdout, stderr: os.Stderr}.run(ctx, os.Args)
	os.Exit(code)
}
