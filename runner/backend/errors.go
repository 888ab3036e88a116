package backend

import (
	"errors"
	"fmt"
)

// Untestable is an error that concerns one point alone: a commit whose files cannot be had in a box, a tool
// that does not run on a base or is not the version that was asked for, a base without a shell. It is a skip,
// with the reason.
type Untestable interface {
	error
	Untestable()
}

type untestable struct{ error }

// NewUntestable makes err an [Untestable] one.
func NewUntestable(err error) error { return &untestable{err} }

func (u *untestable) Untestable()   {}
func (u *untestable) Unwrap() error { return u.error }

// ErrInfrastructure marks failures of the back end or the machine, which are never a verdict.
var ErrInfrastructure = errors.New("infrastructure")

type infrastructureError struct{ cause error }

// Infrastructuref is an [ErrInfrastructure] that reads as its cause alone.
func Infrastructuref(format string, args ...any) error {
	return &infrastructureError{fmt.Errorf(format, args...)}
}

func (e *infrastructureError) Error() string   { return e.cause.Error() }
func (e *infrastructureError) Unwrap() []error { return []error{ErrInfrastructure, e.cause} }

// Suspected is an [ErrInfrastructure] that befell one box, and that what is built there may itself have
// caused, as by removing the folder it is built in. Where that happens to the same trial again and again it
// is the build's own doing, and a skip.
type Suspected struct{ Err error }

func (s *Suspected) Error() string   { return s.Err.Error() }
func (s *Suspected) Unwrap() []error { return []error{ErrInfrastructure, s.Err} }
