// Package redact hides secrets in what builds print: as they are, escaped, encoded, and across the borders of
// writes.
package redact
