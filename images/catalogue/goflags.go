package catalogue

import (
	"fmt"
	"regexp"
	"strings"
)

// Flags for Go's compiler and linker are an allow list, trusted scenario or not: tools are compiled on the
// user's machine, and most other flags write to a file, read one, or name a program to run (-cpuprofile, -o,
// -importcfg, -extld, …).

var (
	// flagWord is how the go command splits such flags: at blanks, unless a word begins with a quote; nothing
	// is escaped.
	flagWord = regexp.MustCompile(`^[ \t\n\r]*(?:"([^"]*)"|'([^']*)'|([^ \t\n\r]+))`)
	// flagPattern may stand before the flags, and says which packages they are for.
	flagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.~/-]*$`)
	setVariable = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.~/-]*=`)
	language    = regexp.MustCompile(`^-lang=go1\.[0-9]{1,3}$`)
)

// CheckLDFlags refuses all flags of Go's linker but -s, -w and -X NAME=VALUE.
func CheckLDFlags(flags string) error {
	const allowed = "only -s, -w and -X NAME=VALUE are allowed, since the linker runs on this machine"
	words, err := flagWords(flags)
	if err != nil {
		return fmt.Errorf("%w; %s", err, allowed)
	}
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch value, joined := strings.CutPrefix(word, "-X="); {
		case word == "-s" || word == "-w":
		case joined && setVariable.MatchString(value):
		case word == "-X" && i+1 < len(words) && setVariable.MatchString(words[i+1]):
			i++
		default:
			return fmt.Errorf("%.60q: %s", word, allowed)
		}
	}
	return nil
}

// CheckGCFlags refuses all flags of Go's compiler but -lang=go1.N.
func CheckGCFlags(flags string) error {
	const allowed = "only -lang=go1.N is allowed, since the compiler runs on this machine"
	words, err := flagWords(flags)
	if err != nil {
		return fmt.Errorf("%w; %s", err, allowed)
	}
	for _, word := range words {
		if !language.MatchString(word) {
			return fmt.Errorf("%.60q: %s", word, allowed)
		}
	}
	return nil
}

// flagWords splits flags as the go command does, behind the pattern that may stand before them.
func flagWords(flags string) ([]string, error) {
	flags = strings.TrimSpace(flags)
	if flags != "" && flags[0] != '-' {
		pattern, rest, ok := strings.Cut(flags, "=")
		if !ok || !flagPattern.MatchString(strings.TrimSpace(pattern)) {
			return nil, fmt.Errorf("%.60q begins with no flag", flags)
		}
		flags = rest
	}
	var words []string
	for strings.TrimSpace(flags) != "" {
		m := flagWord.FindStringSubmatch(flags)
		if m == nil || m[3] != "" && strings.ContainsAny(m[3][:1], `"'`) {
			return nil, fmt.Errorf("%.60q: a quote is not closed", strings.TrimSpace(flags))
		}
		words = append(words, m[1]+m[2]+m[3])
		flags = flags[len(m[0]):]
	}
	return words, nil
}
