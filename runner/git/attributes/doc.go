// Package attributes says what a checkout makes of a stored file: which lines of .gitattributes concern a
// path (attributes.go), what they ask for (conversion.go), and the bytes that come of it (convert.go: ends of
// lines; ident.go: $Id$; textencoding.go: working-tree-encoding). Bytes come in and bytes go out; no
// repository is read.
package attributes
