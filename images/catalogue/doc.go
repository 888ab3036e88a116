// Package catalogue says what a builder image may be made of: bases (base.go), and tools with their versions
// (toolchain.go). Where a tool comes from is a [Source] (source.go; each provider has a file). Some tools
// bisect knows itself (shipped.go, catalogue.yaml; what they are built from is pinned in pins). A scenario's
// own tools are declared in the same words.
//
// Text comes in; what goes out has been checked: names that could be taken for options, flags of the Go tools
// that write or run something (goflags.go), pins that bring a program of their own (pin.go). Nothing is
// fetched or made here.
package catalogue
