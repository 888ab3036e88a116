package endpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// UnavailableError says that no engine answered, where we looked, and what to do about it.
type UnavailableError struct {
	Tried []Attempt // in the order tried; never empty
}

// Attempt is one place that was tried.
type Attempt struct {
	Origin string // who named it: DOCKER_HOST, a docker context, a default socket
	Host   string // unix:///… or tcp://…; "" if the context could not be read
	Err    error
}

// Cause says in a few words what kind of failure it was.
func (a Attempt) Cause() string {
	switch {
	case errors.Is(a.Err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(a.Err, fs.ErrNotExist):
		return "no such socket"
	case errors.Is(a.Err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	}
	return a.Err.Error()
}

func (e *UnavailableError) Error() string {
	var b strings.Builder
	b.WriteString("connect to a docker engine: none answers")
	for _, a := range e.Tried {
		fmt.Fprintf(&b, "\n  %s %s: %s", a.Origin, a.Host, a.Cause())
	}
	fmt.Fprintf(&b, "\n%s", e.Advice())
	return b.String()
}

// Unwrap gives the causes, so that errors.Is tells fs.ErrPermission from syscall.ECONNREFUSED.
func (e *UnavailableError) Unwrap() []error {
	causes := make([]error, len(e.Tried))
	for i, a := range e.Tried {
		causes[i] = a.Err
	}
	return causes
}

// Permission reports whether an engine is there but its socket is not ours to open.
func (e *UnavailableError) Permission() bool { return errors.Is(e, fs.ErrPermission) }

// Advice is the next step, as one sentence.
func (e *UnavailableError) Advice() string {
	named := e.Tried[0].Origin != "default socket"
	switch {
	case e.Permission():
		return "an engine's socket is there, but this user may not open it: join its group (sudo usermod -aG docker \"$USER\", then log in again), or run a rootless engine (dockerd-rootless-setuptool.sh install)"
	case named:
		return "start that engine, or unset DOCKER_HOST and DOCKER_CONTEXT (docker context use default) to use the one of this machine"
	case errors.Is(e, syscall.ECONNREFUSED):
		return "an engine was there but does not run: start it (sudo systemctl start docker)"
	}
	return "start one (sudo systemctl start docker), install one (sudo apt-get install docker.io), or set DOCKER_HOST to where one listens"
}
