package runner

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"buildbisect/bisect"
	"buildbisect/scenarios"
)

// lacking is what a base does not have and a point asks for.
type lacking struct{ what, from string }

func (e *lacking) Error() string {
	return fmt.Sprintf("the base has no %s; give it one that has (on Debian the package %s)", e.what, e.from)
}

func (e *lacking) Untestable() {}

// lacks is a [*lacking] if the box does not have p's locale or time zone: programs would quietly go on in C and in UTC, and the
// trial would say nothing of what was to be varied.
func (l *Lab) lacks(ctx context.Context, box Box, p bisect.Point) error {
	ask := func(script string) (string, error) {
		var out bytes.Buffer
		_, err := box.Exec(ctx, script, &out)
		return out.String(), err
	}
	locale := l.Space.variation(scenarios.Locale, p)
	switch plainLocale(locale) {
	case "", "c", "posix", "c.utf8":
	default:
		known, err := ask("locale -a 2>/dev/null || true")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(strings.Fields(known), func(name string) bool { return plainLocale(name) == plainLocale(locale) }) {
			return &lacking{"locale " + locale, "locales-all"}
		}
	}
	if zone := l.Space.variation(scenarios.Timezone, p); zone != "" && zone != "UTC" && !zoneRule.MatchString(zone) {
		said, err := ask("test -f " + quote("/usr/share/zoneinfo/"+zone) + " || echo missing")
		if err != nil {
			return err
		}
		if said != "" {
			return &lacking{"time zone " + zone, "tzdata"}
		}
	}
	return nil
}

// zoneRule is a time zone that says itself what it is, such as CET-1CEST; any other name stands for a file.
var zoneRule = regexp.MustCompile(`^([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?[0-9]`)

// plainLocale spells a locale as the C library compares it: C.UTF-8 and C.utf8 are one.
func plainLocale(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "")
}
