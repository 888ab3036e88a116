package lab

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"buildbisect/bisect/report"
	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

// lacking is the error that a base does not have what a point asks for.
func lacking(what, from string) error {
	return backend.NewUntestable(fmt.Errorf("the base has no %s; give it one that has (on Debian the package %s)", what, from))
}

// lacks is an [backend.Untestable] error if the box does not have the world's locale or time zone: programs
// would quietly go on in C and in UTC, and the trial would say nothing of what was to be varied.
func lacks(ctx context.Context, box backend.Box, world scenarios.World) error {
	ask := func(script string) (string, error) {
		var out bytes.Buffer
		_, err := box.Exec(ctx, script, &out)
		return out.String(), err
	}
	locale := world.Locale
	switch PlainLocale(locale) {
	case "", "c", "posix", "c.utf8":
	default:
		known, err := ask("locale -a 2>/dev/null || true")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(strings.Fields(known), func(name string) bool { return PlainLocale(name) == PlainLocale(locale) }) {
			return lacking("locale "+locale, "locales-all")
		}
	}
	if zone := world.Timezone; zone != "" && zone != "UTC" && !ZoneRule.MatchString(zone) {
		said, err := ask("test -f " + report.ShellWord("/usr/share/zoneinfo/"+zone) + " || echo missing")
		if err != nil {
			return err
		}
		if said != "" {
			return lacking("time zone "+zone, "tzdata")
		}
	}
	return nil
}

// ZoneRule is a time zone that says itself what it is, such as CET-1CEST; any other name stands for a file.
var ZoneRule = regexp.MustCompile(`^([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?[0-9]`)

// PlainLocale spells a locale as the C library compares it: C.UTF-8 and C.utf8 are one.
func PlainLocale(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "")
}
