package report

import "io"

// A Format writes a report for somebody. To add one, write a file with a function like [Report.Text], and
// name it in Formats.
type Format func(r *Report, w io.Writer) error

// Formats are all there are, by name.
var Formats = map[string]Format{"text": (*Report).Text, "json": (*Report).JSON}
