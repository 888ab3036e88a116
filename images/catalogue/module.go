package catalogue

import (
	"errors"
	"fmt"
	"strings"
)

// Module has a tool from a Go module: either built from a main package, pinned by a wrapper module that
// requires it, or, where Package is empty, taken as it lies in the module itself.
type Module struct {
	Package          string            // main package, as an import path
	LDFlags, GCFlags string            // for go build
	Pin              []byte            // txtar: go.mod and go.sum of the wrapper
	Local            map[string][]byte // txtar: modules that the wrapper replaces others with, by the name of the folder beside it

	Path, Version, Sum string // of a module taken as it is, as golang.org/toolchain is: Sum is its h1: hash, as go.sum has it
}

// Built reports whether the tool is compiled from the module, and not taken from it.
func (m *Module) Built() bool { return m.Package != "" }

func (m *Module) Kind() string { return "module" }

func (m *Module) String() string {
	if m.Built() {
		return "module " + m.Package
	}
	return fmt.Sprintf("module %s@%s", m.Path, m.Version)
}

func (m *Module) Check(Toolchain) error {
	switch {
	case !m.Built() && (m.Path == "" || m.Version == "" || !strings.HasPrefix(m.Sum, "h1:")):
		return errors.New("a module taken as it is needs its path, version and sum, as go.sum has it (h1:…)")
	case !m.Built():
		return nil
	case len(m.Pin) == 0:
		return errors.New("a module that is built needs a pin: its go.mod and go.sum as txtar")
	}
	return m.checkBuild()
}

// checkBuild says what about m could run a program of this machine, or read or write its files.
func (m *Module) checkBuild() error {
	var local []string
	for name := range m.Local {
		local = append(local, name)
	}
	var errs []error
	if err := CheckPin(m.Pin, local...); err != nil {
		errs = append(errs, fmt.Errorf("pin: %w", err))
	}
	if err := CheckLDFlags(m.LDFlags); err != nil {
		errs = append(errs, fmt.Errorf("ldflags: %w", err))
	}
	if err := CheckGCFlags(m.GCFlags); err != nil {
		errs = append(errs, fmt.Errorf("gcflags: %w", err))
	}
	return errors.Join(errs...)
}

func (m *Module) Filled(fill func(string) string) Source {
	filled := *m
	filled.Version, filled.LDFlags = fill(m.Version), fill(m.LDFlags)
	return &filled
}

func (m *Module) Folder() bool { return m.Path != "" }

func (m *Module) Recipe(how Making) any {
	if !m.Built() {
		return m.Sum
	}
	return struct {
		Go     string
		Flags  []string
		Module *Module
	}{how.Go, how.Flags, m}
}
