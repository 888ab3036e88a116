package scenarios

import "buildbisect/scenarios/document"

// EnvAxis varies an environment variable; null is one that is not set.
var EnvAxis AxisKind = envKind{}

type envKind struct{}

func (envKind) String() string                      { return "env" }
func (envKind) Heavy() bool                         { return false }
func (envKind) key(name string) string              { return "env." + name }
func (envKind) variables(a Axis) []string           { return []string{a.Name} }
func (envKind) Apply(a Axis, level Level, w *World) { w.setAll(a, level) }

func (envKind) read(p document.Place, a *Axis, _ pinned) (ok bool) {
	a.Name, ok = p.Match(envName, envNameWant)
	return ok
}

func (envKind) levels(m *document.Mapping, _ Axis, _ pinned, _ bool) []Level {
	return plainLevels(m, func(document.Place, Level) bool { return true }) // a variable may be set to the empty string
}

// setAll sets the variables of a to a level, or unsets them.
func (w *World) setAll(a Axis, level Level) {
	for _, name := range a.Variables() {
		if !level.Null {
			name += "=" + level.Text
		}
		w.Env = append(w.Env, name)
	}
}
