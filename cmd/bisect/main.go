// Command bisect finds out which change broke a build: a commit, a tool, a variable, the base image, or
// several together.
//
// It is the only place that prints or exits.
package main

import (
	"os"
)

func main() {
	c := command{stdout: &screen{file: os.Stdout}, stderr: &screen{file: os.Stderr}}
	os.Exit(c.run(c.interruptible(os.Exit), os.Args))
}
