// Package pattern says which paths a pattern stands for, as git says it: globs (wildmatch.go), and the
// pathspecs that limit a history to files (pathspec.go). Text comes in and answers go out; no repository is
// read.
package pattern
