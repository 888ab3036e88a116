package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"buildbisect/bisect/report"
)

// readTerms checks --term-old and --term-new as git bisect does: words that could name a ref, that differ,
// that are no command of git bisect, and that do not say the opposite. Both are given or neither, for then
// they are nil.
func readTerms(old, new string) (*report.Terms, error) {
	if old == "" && new == "" {
		return nil, nil
	}
	if old == "" || new == "" {
		return nil, usageError{"--term-old and --term-new: give both, or neither"}
	}
	if old == new {
		return nil, usageError{fmt.Sprintf("--term-old and --term-new: both are %q; give two different words", old)}
	}
	for _, term := range []struct{ flag, word string }{{"--term-old", old}, {"--term-new", new}} {
		if why := wrongTerm(term.word); why != "" {
			return nil, usageError{fmt.Sprintf("%s %q: %s", term.flag, term.word, why)}
		}
	}
	if old == "new" || new == "old" {
		return nil, usageError{"--term-old and --term-new: they say the opposite of what they would stand for; exchange them"}
	}
	return &report.Terms{Old: old, New: new}, nil
}

// taken are words that git bisect has another meaning for, and those that are this program's own verdicts:
// which of them the old end is depends on what is searched for.
var taken = []string{"good", "bad", "skip", "help", "start", "next", "reset", "visualize", "view", "replay", "log", "run", "terms"}

// wrongTerm says what is wrong with a word, or nothing.
func wrongTerm(word string) string {
	outside := func(c rune) bool {
		return unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(`~^:?*[\`, c)
	}
	switch {
	case strings.ContainsFunc(word, outside), strings.HasPrefix(word, "-"), strings.HasPrefix(word, "."), strings.HasSuffix(word, "."),
		strings.HasSuffix(word, ".lock"), strings.HasSuffix(word, "/"), strings.Contains(word, ".."), strings.Contains(word, "@{"), strings.Contains(word, "//"):
		return "not a word that git would take for a term; use letters, digits and dashes"
	case slices.Contains(taken, word):
		return "this word has a meaning already; use another"
	}
	return ""
}
