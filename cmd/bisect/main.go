// Command bisect finds out which change broke a build: a commit, a tool, a variable, the base image, or
// several together.
//
// It is the only place that prints or exits.
package main

import (
	"os"

	"buildbisect/cmd/bisect/screen"
)

func main() {
	c := command{stdout: screen.New(os.Stdout), stderr: screen.New(os.Stderr)}
	os.Exit(c.run(c.interruptible(os.Exit), os.Args))
}
