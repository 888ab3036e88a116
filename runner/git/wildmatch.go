package git

import "strings"

// wildmatch reports whether a glob stands for the whole of name, byte by byte, as git matches pathspecs: * and ? stand
// for slashes too. path.Match and its kin stop at slashes, and refuse brackets that git takes ("[!a]", "[-a]").
//
// Only the last * that was met is ever reconsidered, since whatever an earlier one might take the last can take as
// well: the time is at most the product of both lengths, however hostile the pattern.
func wildmatch(glob, name string) bool {
	star, from := -1, 0 // the last *, and where in name what follows it is tried
	i, j := 0, 0
	for j < len(name) {
		if i < len(glob) && glob[i] == '*' {
			star, from = i, j
			i++
			continue
		}
		if i < len(glob) {
			if length, ok := takes(glob[i:], name[j]); ok {
				i, j = i+length, j+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		i, j = star+1, from
	}
	return strings.Trim(glob[i:], "*") == ""
}

// takes reports whether the first element of a glob, which is length bytes of it, stands for c.
func takes(glob string, c byte) (length int, ok bool) {
	switch {
	case glob[0] == '?':
		return 1, true
	case glob[0] == '[':
		return bracket(glob, c)
	case glob[0] == '\\':
		return 2, len(glob) > 1 && glob[1] == c
	}
	return 1, glob[0] == c
}

// bracket reads a set such as [a-z_] or [!0-9]. A ] that comes first is a member, a - at either end too; a set that
// does not end stands for nothing.
func bracket(glob string, c byte) (length int, ok bool) {
	i := 1
	negated := i < len(glob) && (glob[i] == '!' || glob[i] == '^')
	if negated {
		i++
	}
	member := func() (byte, bool) { // the one at i, which it passes
		if i < len(glob) && glob[i] == '\\' {
			i++
		}
		if i >= len(glob) {
			return 0, false
		}
		i++
		return glob[i-1], true
	}
	for first := true; ; first = false {
		if i < len(glob) && glob[i] == ']' && !first {
			return i + 1, ok != negated
		}
		low, found := member()
		if !found {
			return len(glob), false
		}
		high := low
		if i+1 < len(glob) && glob[i] == '-' && glob[i+1] != ']' {
			i++
			if high, found = member(); !found {
				return len(glob), false
			}
		}
		ok = ok || low <= c && c <= high
	}
}
