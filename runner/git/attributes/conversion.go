package attributes

import "strings"

// checkoutAttributes are those that change what a checkout writes.
var checkoutAttributes = []string{"text", "crlf", "eol", "ident", "filter", "working-tree-encoding"}

// Conversion is what a checkout on Linux, with git's own defaults (no core.autocrlf, no core.eol), does with
// a file. The zero value is nothing.
type Conversion struct {
	crlf     bool   // LF becomes CRLF
	auto     bool   // crlf only where the content is text without a CR
	ident    bool   // $Id$ is filled in
	inMemory bool   // git holds the content in memory, for text=auto or an encoding, and then reads $Id$ in another way
	Encoding string // "": as stored
	Filter   string // a program that a clone may run; not run here
	Refused  string // why git checks the commit out nowhere
}

// Changes reports whether the bytes of a checkout differ from those that are stored.
func (c *Conversion) Changes() bool {
	return c != nil && (c.crlf || c.ident || c.Encoding != "" || c.Refused != "")
}

// Filtered reports whether git would run a program over the file.
func (c *Conversion) Filtered() bool { return c != nil && c.Filter != "" }

// Conversion is what the rules say of a file, given by its path from the repository's top.
func (r *Rules) Conversion(path string) Conversion {
	found := map[string]attrValue{}
	r.look(path, found)
	if len(found) == 0 {
		return Conversion{}
	}
	c := Conversion{ident: found["ident"].state == attrSet, Filter: found["filter"].text}
	lines := textMode(found["text"])
	if lines == linesUnknown {
		lines = textMode(found["crlf"]) // the name of old
	}
	if lines != linesAsStored {
		switch found["eol"] {
		case attrValue{attrText, "lf"}:
		case attrValue{attrText, "crlf"}:
			c.crlf, c.auto, c.inMemory = true, lines == linesAuto, lines == linesAuto
		default:
			c.inMemory = lines == linesAuto
		}
	}
	encoding := found["working-tree-encoding"]
	switch {
	case encoding.state == attrSet:
		c.Refused = "its working-tree-encoding has no value, and git refuses to check such a commit out"
	case encoding.state == attrText && !isUTF8(encoding.text):
		c.Encoding, c.inMemory = encoding.text, true
	}
	return c
}

type lineMode int

const (
	linesUnknown  lineMode = iota
	linesAsStored          // -text
	linesText
	linesAuto
)

// textMode reads the attribute text, or crlf.
func textMode(v attrValue) lineMode {
	switch {
	case v.state == attrUnset:
		return linesAsStored
	case v.state == attrSet, v == attrValue{attrText, "input"}:
		return linesText
	case v == attrValue{attrText, "auto"}:
		return linesAuto
	}
	return linesUnknown
}

// isUTF8 reports whether a name stands for the encoding that git stores text in; "" does too.
func isUTF8(name string) bool {
	name = strings.ToLower(name)
	return name == "" || name == "utf-8" || name == "utf8"
}
