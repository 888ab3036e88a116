package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"buildbisect/scenarios/document"
)

// A rule is spelled
//
//	rule      = condition "with" condition { "and" condition }
//	condition = axis ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) level | axis ( "absent" | "present" )
//
// An axis is named by its key. A level with blanks, quotes or operators in it, or an empty one, stands in
// double quotes, as in Go.

// token is a word, an operator or a quoted level.
type token struct {
	text   string // without quotes
	quoted bool
	at     int // offset of its first byte in the rule
}

// spelledCondition is a condition as it was written.
type spelledCondition struct {
	axis, operator, level token
	end                   int // offset behind its last byte
}

var operators = []string{"=", "!=", "<", "<=", ">", ">=", "absent", "present"}

const ruleForm = `a rule reads "buildx >= 0.5 with docker >= 20.10"`

// ruleText is a rule that is being read, and stops at its first mistake.
type ruleText struct {
	text   string
	offset int // of what is not read yet
	wrong  func(at int, format string, args ...any)
}

// readSpelledRule reads the conditions of a rule: the one that asks, then those it asks for.
func readSpelledRule(p document.Place, text string) ([]spelledCondition, bool) {
	r := &ruleText{text: text, wrong: func(at int, format string, args ...any) {
		p.Inside(text, utf8.RuneCountInString(text[:at])).Mistake(format, args...)
	}}
	var all []spelledCondition
	for link := "with"; ; link = "and" {
		c, ok := r.condition()
		if !ok {
			return nil, false
		}
		all = append(all, c)
		if len(all) > 1 && r.done() {
			return all, true
		}
		if _, ok := r.word(link); !ok {
			return nil, false
		}
	}
}

func (r *ruleText) condition() (c spelledCondition, ok bool) {
	if c.axis, ok = r.next("an axis"); !ok {
		return c, false
	}
	if c.operator, ok = r.word(operators...); !ok {
		return c, false
	}
	if c.operator.text != "absent" && c.operator.text != "present" {
		c.level, ok = r.next("a level")
	}
	c.end = r.offset
	return c, ok
}

// word reads one of a few words.
func (r *ruleText) word(words ...string) (token, bool) {
	want := "one of " + strings.Join(words, " ")
	if len(words) == 1 {
		want = strconv.Quote(words[0])
	}
	t, ok := r.next(want)
	if ok && (t.quoted || !slices.Contains(words, t.text)) {
		r.wrong(t.at, "want %s, got %q; %s", want, document.Short(r.text[t.at:r.offset]), ruleForm)
		return t, false
	}
	return t, ok
}

// ruleToken matches blanks and what stands behind them; a lone quote is one that nothing closes.
var ruleToken = regexp.MustCompile(`^\s*("(?:[^"\\]|\\.)*"|[=!<>]+|[^\s=!<>"]+|")`)

func (r *ruleText) next(want string) (token, bool) {
	found := ruleToken.FindStringSubmatchIndex(r.text[r.offset:])
	if found == nil {
		r.wrong(len(r.text), "ends where %s is wanted; %s", want, ruleForm)
		return token{}, false
	}
	t := token{at: r.offset + found[2]}
	r.offset += found[1]
	t.text = r.text[t.at:r.offset]
	if t.quoted = strings.HasPrefix(t.text, `"`); !t.quoted {
		return t, true
	}
	text, err := strconv.Unquote(t.text)
	if err != nil {
		r.wrong(t.at, "the quotes that open here are not closed, or hold an escape that Go does not know")
		return t, false
	}
	t.text = text
	return t, true
}

func (r *ruleText) done() bool { return r.offset == len(r.text) }
