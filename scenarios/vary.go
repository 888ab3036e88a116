package scenarios

import "regexp"

// The build variations: what a build finds around itself and should not depend on. A null level is one that is not set.
const (
	Locale   = "locale"   // LC_ALL and LANG
	Umask    = "umask"    // of each stage, four octal digits
	Timezone = "timezone" // TZ
)

var variations = []string{Locale, Umask, Timezone}

// Variables are the environment variables that the axis sets, all to its level, or unsets where that is null.
func (a Axis) Variables() []string {
	switch {
	case a.Kind == EnvAxis:
		return []string{a.Name}
	case a.Kind == VaryAxis && a.Name == Locale:
		return []string{"LC_ALL", "LANG"}
	case a.Kind == VaryAxis && a.Name == Timezone:
		return []string{"TZ"}
	}
	return nil
}

var (
	localeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]*$`)
	umaskMode  = regexp.MustCompile(`^0[0-7]{3}$`)
	zoneName   = regexp.MustCompile(`^[A-Za-z0-9<][A-Za-z0-9<>+,./:_-]*$`)
)

// variant notes a level that the variation cannot have.
func (d *decoder) variant(p place, variation, level string) bool {
	pattern, want := localeName, "a locale such as C or tr_TR.UTF-8"
	switch variation {
	case Umask:
		pattern, want = umaskMode, `four octal digits, such as "0022"`
	case Timezone:
		pattern, want = zoneName, "a time zone such as UTC or Europe/Berlin"
	}
	ok := pattern.MatchString(level)
	if !ok {
		d.mistake(p, "want %s, got %q", want, short(level))
	}
	return ok
}
