package pattern

import (
	"errors"
	"strings"
	"testing"
)

func TestPathsThatCannotBeUnderstoodSayWhy(t *testing.T) {
	t.Parallel()
	for spec, why := range map[string]string{
		"":                 "stands for everything",
		":(attr:x)docs":    "work tree",
		":(maxdepth)docs":  "no magic",
		":(glob":           "does not end",
		":-x":              "put ./ before",
		":(literal,glob)x": "contradict",
		":(glob)/etc":      "absolute",
		"/etc":             "absolute",
		"..":               "out of the repository",
		"a/../../b":        "out of the repository",
	} {
		_, err := Parse([]string{"fine", spec})
		if refused := (*Error)(nil); !errors.As(err, &refused) || refused.Spec != spec || !strings.Contains(refused.Why, why) {
			t.Errorf("%q: %v, want an error about %q", spec, err, why)
		}
	}
}

func TestAHostileGlobTakesNoTime(t *testing.T) {
	t.Parallel()
	if Wildmatch(strings.Repeat("*a", 2000)+"b", strings.Repeat("a", 4000), GlobRules{Slashes: true}) { // for ever, if each * were tried everywhere
		t.Error("it matches")
	}
}
