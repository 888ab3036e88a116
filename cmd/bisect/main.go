// Command bisect finds out which change broke a build: a commit, a tool, a variable, the base image, or
// several together.
//
// It is the only place that prints, with package screen, or exits. Each command has a file of its name
// (gitbisect.go: a probe inside git bisect; again.go: a build that is built again). What they share:
// backends.go lists the back ends, open.go opens a scenario for use, exitstatus.go says with which status a
// command ends, app.go reads the command line.
package main

import (
	"os"

	"buildbisect/cmd/bisect/screen"
)

func main() {
	c := command{stdout: screen.New(os.Stdout), stderr: screen.New(os.Stderr)}
	os.Exit(c.run(c.interruptible(os.Exit), os.Args))
}
