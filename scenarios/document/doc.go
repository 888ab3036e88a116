// Package document reads a YAML document in which every value knows its place, so that whatever is wrong can
// be shown there, all of it at once.
//
// [Read] gives the root. A [Place] reads itself as what the caller wants there: a mapping or a list
// (walk.go), a word, a number, a path (values.go). Where something else stands, it notes a mistake
// (mistakes.go) and says that it has no value; where nothing stands, it notes nothing. Which keys a mapping
// has is for the caller to say ([Keys]). What is no YAML, or more than one document, is said by syntax.go.
package document
