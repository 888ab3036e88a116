// Package gittext reads and writes git's small text formats: configuration files (config.go), names quoted as
// in C (unquote.go), commits in other encodings (encoding.go), and words that are safe to print or to paste
// into a shell (words.go). It knows no objects.
package gittext
