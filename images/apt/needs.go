package apt

import (
	"fmt"
	"regexp"
	"strings"

	debversion "github.com/knqyf263/go-deb-version"
)

// Need is one of the things that a package depends on: any of its alternatives will do.
type Need []Relation

// Relation is a package by name, in some versions.
type Relation struct {
	Name    string `json:"name"`
	Op      string `json:"op,omitempty"` // <<, <=, =, >= or >>; "": any version will do
	Version string `json:"version,omitempty"`
}

func (r Relation) String() string {
	if r.Op == "" {
		return r.Name
	}
	return fmt.Sprintf("%s (%s %s)", r.Name, r.Op, r.Version)
}

func (n Need) String() string {
	var all []string
	for _, r := range n {
		all = append(all, r.String())
	}
	return strings.Join(all, " or ")
}

// relation is one alternative: a name, which may say of what architecture, and a version in parentheses.
var relation = regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?$`)

// parseNeeds reads a Depends, Pre-Depends or Provides field.
func parseNeeds(field string) ([]Need, error) {
	var all []Need
	for part := range strings.SplitSeq(field, ",") {
		if part = strings.Join(strings.Fields(part), " "); part == "" {
			continue
		}
		var need Need
		for alternative := range strings.SplitSeq(part, "|") {
			m := relation.FindStringSubmatch(strings.TrimSpace(alternative))
			if m == nil {
				return nil, fmt.Errorf("not understood: %q", part)
			}
			// A single < or > is how old packages say <= and >=.
			op := map[string]string{"<": "<=", ">": ">="}[m[2]]
			if op == "" {
				op = m[2]
			}
			need = append(need, Relation{m[1], op, m[3]})
		}
		all = append(all, need)
	}
	return all, nil
}

// MetBy reports whether c is a package that the relation names, by its own name or by one that it provides.
func (r Relation) MetBy(c Control) bool {
	if c.Name == r.Name && r.allows(c.Version) {
		return true
	}
	for _, p := range c.Provides {
		// What is provided without a version meets only what asks for none.
		if p.Name == r.Name && (r.Op == "" || p.Op == "=" && r.allows(p.Version)) {
			return true
		}
	}
	return false
}

// allows reports whether a version is among those that are wanted. One that cannot be read is not.
func (r Relation) allows(version string) bool {
	if r.Op == "" {
		return true
	}
	have, err := debversion.NewVersion(version)
	if err != nil {
		return false
	}
	want, err := debversion.NewVersion(r.Version)
	if err != nil {
		return false
	}
	switch n := have.Compare(want); r.Op {
	case "<<":
		return n < 0
	case "<=":
		return n <= 0
	case "=":
		return n == 0
	case ">=":
		return n >= 0
	case ">>":
		return n > 0
	}
	return false
}
