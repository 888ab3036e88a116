package pattern

import "strings"

// GlobRules are the variants of git's glob matching.
type GlobRules struct {
	Slashes bool // a slash is matched by a slash, by ** and by nothing else; otherwise * and ? and sets match one too
	fold    bool // ASCII letters match in either case
}

// Wildmatch reports whether a glob matches the whole of name, byte by byte, as git's wildmatch does.
// path.Match and its kin know no ** and refuse brackets that git takes ("[!a]", "[-a]").
//
// Only the last * and the last ** that were met are ever reconsidered. What an earlier * could match instead,
// a later one can match as well, because neither crosses a slash; and a ** can match whatever an earlier one
// could. So the time is at most the product of both lengths for each **, however hostile the pattern.
func Wildmatch(glob, name string, rules GlobRules) bool {
	g := globber{glob: glob, name: name, rules: rules}
	var star, wide retry
	i, j := 0, 0
	for {
		if i < len(glob) && glob[i] == '*' {
			next, kind := g.stars(i)
			again := retry{set: true, i: next, j: j, folders: kind == starFolders}
			if kind == starOne {
				star = again
			} else {
				wide, star = again, retry{}
			}
			i = next
			continue
		}
		if j == len(name) && i == len(glob) {
			return true
		}
		if i < len(glob) && j < len(name) {
			if length, ok := g.takes(i, name[j]); ok {
				i, j = i+length, j+1
				continue
			}
		}
		// The last * takes one byte more, or else the last **.
		switch {
		case star.set && star.j < len(name) && name[star.j] != '/':
			star.j++
			i, j = star.i, star.j
		case wide.set && wide.more(name):
			star = retry{}
			i, j = wide.i, wide.j
		default:
			return false
		}
	}
}

// PlainLength is how much of a glob comes before its first special character.
func PlainLength(glob string) int {
	if i := strings.IndexAny(glob, `*?[\`); i >= 0 {
		return i
	}
	return len(glob)
}

// retry is a star to go back to: what follows it in the glob, and where in the name that is tried.
type retry struct {
	set     bool
	i, j    int
	folders bool // it takes whole folders, with the slash behind each
}

// more has the star take more of name, and reports whether there was more.
func (r *retry) more(name string) bool {
	step := 1
	if r.folders {
		step = strings.IndexByte(name[r.j:], '/') + 1
	}
	if step == 0 || r.j+step > len(name) {
		return false
	}
	r.j += step
	return true
}

type starKind int

const (
	starOne     starKind = iota // does not cross slashes
	starAll                     // any bytes
	starFolders                 // "**/": any folders, none too
)

type globber struct {
	glob, name string
	rules      GlobRules
}

// stars reads the stars at i, and returns where what follows them begins.
func (g *globber) stars(i int) (next int, kind starKind) {
	next = i
	for next < len(g.glob) && g.glob[next] == '*' {
		next++
	}
	rest := g.glob[next:]
	switch {
	case !g.rules.Slashes:
		return next, starAll
	case next-i == 1, i > 0 && g.glob[i-1] != '/':
		return next, starOne
	case strings.HasPrefix(rest, "/"):
		return next + 1, starFolders
	case rest == "", strings.HasPrefix(rest, `\/`):
		return next, starAll
	}
	return next, starOne
}

// takes reports whether the element of the glob at i, which is length bytes of it, matches c.
func (g *globber) takes(i int, c byte) (length int, ok bool) {
	if g.rules.fold {
		c = Lower(c)
	}
	switch e := g.glob[i]; {
	case e == '?':
		return 1, !g.rules.Slashes || c != '/'
	case e == '[':
		length, ok = g.set(i, c)
		return length, ok && (!g.rules.Slashes || c != '/')
	case e == '\\':
		return 2, i+1 < len(g.glob) && g.glob[i+1] == c // its letter is never folded, which is git's way
	case g.rules.fold:
		return 1, Lower(e) == c
	default:
		return 1, e == c
	}
}

// set reads a set such as [a-z_], [!0-9] or [[:alpha:]]. A ] that comes first is a member, a - at either end
// too; a set that does not end, or names an unknown class, matches nothing. With fold, c is in lower case,
// and only ranges and [:upper:] are tried in upper case too: again git's way.
func (g *globber) set(start int, c byte) (length int, ok bool) {
	glob, i := g.glob, start+1
	negated := i < len(glob) && (glob[i] == '!' || glob[i] == '^')
	if negated {
		i++
	}
	none := len(glob) - start
	var low byte // that a range may begin with; 0: none
	for first := true; ; first = false {
		if i >= len(glob) {
			return none, false
		}
		if glob[i] == ']' && !first {
			return i + 1 - start, ok != negated
		}
		switch {
		case glob[i] == '-' && low != 0 && i+1 < len(glob) && glob[i+1] != ']':
			i++
			if glob[i] == '\\' {
				i++
			}
			if i >= len(glob) {
				return none, false
			}
			ok = ok || low <= c && c <= glob[i] || g.rules.fold && low <= upper(c) && upper(c) <= glob[i]
			low = 0
			i++
		case strings.HasPrefix(glob[i:], "[:"):
			end := strings.IndexByte(glob[i+2:], ']')
			if end < 0 {
				return none, false
			}
			name, isClass := strings.CutSuffix(glob[i+2:i+2+end], ":")
			if !isClass {
				ok, low = ok || c == '[', '['
				i++
				continue
			}
			member, known := classes[name]
			if !known {
				return none, false
			}
			ok = ok || member(c) || g.rules.fold && name == "upper" && member(upper(c))
			low = 0
			i += 2 + end + 1
		default:
			if glob[i] == '\\' {
				i++
			}
			if i >= len(glob) {
				return none, false
			}
			ok, low = ok || c == glob[i], glob[i]
			i++
		}
	}
}

// Lower puts an ASCII letter into lower case.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// classes are those of POSIX, of ASCII alone.
var classes = map[string]func(c byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return ' ' < c && c < 0x7f },
	"lower":  func(c byte) bool { return 'a' <= c && c <= 'z' },
	"print":  func(c byte) bool { return ' ' <= c && c < 0x7f },
	"punct":  func(c byte) bool { return ' ' < c && c < 0x7f && !isAlpha(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' },
	"upper":  func(c byte) bool { return 'A' <= c && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || 'a' <= Lower(c) && Lower(c) <= 'f' },
}

func isAlpha(c byte) bool { return 'a' <= Lower(c) && Lower(c) <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
