package scenarios

import (
	"regexp"

	"buildbisect/scenarios/document"
)

// VaryAxis varies what a build finds around itself and should not depend on: see [Locale], [Umask] and
// [Timezone]. A null level is one that is not set.
var VaryAxis AxisKind = varyKind{}

// The build variations.
const (
	Locale   = "locale"   // LC_ALL and LANG
	Umask    = "umask"    // of each stage, four octal digits
	Timezone = "timezone" // TZ
)

// variation is one of them.
type variation struct {
	name    string
	pattern *regexp.Regexp // of its levels
	want    string         // the same in words
	sets    []string       // variables
	apply   func(w *World, level string)
}

var variations = []variation{
	{Locale, regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]*$`), "a locale such as C or tr_TR.UTF-8", []string{"LC_ALL", "LANG"},
		func(w *World, level string) { w.Locale = level }},
	{Umask, regexp.MustCompile(`^0[0-7]{3}$`), `four octal digits, such as "0022"`, nil,
		func(w *World, level string) { w.Prelude += "umask " + level + "\n" }},
	{Timezone, regexp.MustCompile(`^[A-Za-z0-9<][A-Za-z0-9<>+,./:_-]*$`), "a time zone such as UTC or Europe/Berlin", []string{"TZ"},
		func(w *World, level string) { w.Timezone = level }},
}

func variationOf(name string) (v variation) {
	for _, v := range variations {
		if v.name == name {
			return v
		}
	}
	return variation{}
}

type varyKind struct{}

func (varyKind) String() string            { return "vary" }
func (varyKind) Heavy() bool               { return false }
func (varyKind) key(name string) string    { return "vary." + name }
func (varyKind) variables(a Axis) []string { return variationOf(a.Name).sets }

func (varyKind) Apply(a Axis, level Level, w *World) {
	w.setAll(a, level)
	if !level.Null {
		variationOf(a.Name).apply(w, level.Text)
	}
}

func (varyKind) read(p document.Place, a *Axis, _ pinned) (ok bool) {
	var names []string
	for _, v := range variations {
		names = append(names, v.name)
	}
	a.Name, ok = p.OneOf(names...)
	return ok
}

func (varyKind) levels(m *document.Mapping, a Axis, _ pinned, known bool) []Level {
	return plainLevels(m, func(p document.Place, level Level) bool {
		v := variationOf(a.Name)
		if !known || v.pattern.MatchString(level.Text) {
			return true
		}
		p.Mistake("want %s, got %q", v.want, document.Short(level.Text))
		return false
	})
}
