package catalogue

import (
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// Catalogue knows tools and their versions, and engines. It does not change: [Catalogue.Declare] returns
// another.
type Catalogue struct {
	tools     map[string]map[string]Toolchain
	templates map[string]Toolchain // of a tool, what all its versions share
	engines   map[string]Base
}

// UnknownError says that the catalogue lacks a tool, or a version of it, and what it has.
type UnknownError struct {
	Tool, Version string   // Version is empty when the tool itself is unknown
	Have          []string // the tools, or the versions, that exist
}

func (e *UnknownError) Error() string {
	have := strings.Join(e.Have, ", ")
	if have == "" {
		have = "none"
	}
	if e.Version == "" {
		return fmt.Sprintf("tool %q: unknown; known are %s; declare others under builder.tools", e.Tool, have)
	}
	return fmt.Sprintf("tool %s: unknown version %q; known are %s; declare others under builder.tools", e.Tool, e.Version, have)
}

// Tools returns the names of all tools, sorted.
func (c *Catalogue) Tools() []string { return slices.Sorted(maps.Keys(c.tools)) }

// Versions returns the versions of tool, oldest first; none for an unknown tool.
func (c *Catalogue) Versions(tool string) []string {
	return slices.SortedFunc(maps.Keys(c.tools[tool]), CompareVersions)
}

// Lookup returns one toolchain, or an [*UnknownError].
func (c *Catalogue) Lookup(tool, version string) (Toolchain, error) {
	versions, ok := c.tools[tool]
	if !ok {
		return Toolchain{}, &UnknownError{Tool: tool, Have: c.Tools()}
	}
	t, ok := versions[version]
	if !ok {
		return Toolchain{}, &UnknownError{Tool: tool, Version: version, Have: c.Versions(tool)}
	}
	return t, nil
}

// Template returns what all versions of a tool share, with {version} where the version goes, if the catalogue
// knows the tool.
func (c *Catalogue) Template(tool string) (Toolchain, bool) {
	t, ok := c.templates[tool]
	return t, ok
}

// DefaultEngine is the engine of builds that ask for one and do not say which.
const DefaultEngine = "26.1.5"

// Engines returns the versions of dockerd that a build may have beside it, oldest first.
func (c *Catalogue) Engines() []string {
	return slices.SortedFunc(maps.Keys(c.engines), CompareVersions)
}

// Engine returns the root of a version of dockerd, or an [*UnknownError].
func (c *Catalogue) Engine(version string) (Base, error) {
	base, ok := c.engines[version]
	if !ok {
		return Base{}, &UnknownError{Tool: "engine", Version: version, Have: c.Engines()}
	}
	return base, nil
}

// Places returns every absolute path at which an image built from this catalogue, or a base, may hold tool.
func (c *Catalogue) Places(tool string) []string {
	var places []string
	for _, t := range c.tools[tool] {
		places = append(places, t.places()...)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// AllPlaces are the Places of tool, and those of what comes with it.
func (c *Catalogue) AllPlaces(tool string) []string {
	places := c.Places(tool)
	for _, t := range c.tools[tool] {
		if t.Tree != "" {
			places = append(places, t.Tree)
		}
		places = slices.AppendSeq(places, maps.Keys(t.Also))
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// Declare returns a copy of c that also has t. A version that c already has is refused: two meanings of one
// name would make reports lie. Where Command is given and Want is not, the version must be printed.
func (c *Catalogue) Declare(t Toolchain) (*Catalogue, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if _, err := c.Lookup(t.Tool, t.Version); err == nil {
		return nil, fmt.Errorf("tool %s %s: already in the catalogue; give yours another version name", t.Tool, t.Version)
	}
	t = t.filled()
	if len(t.Command) > 0 && t.Want == "" {
		t.Want = t.Version
	}
	d := &Catalogue{tools: maps.Clone(c.tools), templates: c.templates, engines: c.engines}
	if d.tools == nil {
		d.tools = map[string]map[string]Toolchain{}
	}
	versions := maps.Clone(d.tools[t.Tool])
	if versions == nil {
		versions = map[string]Toolchain{}
	}
	versions[t.Version] = t
	d.tools[t.Tool] = versions
	return d, nil
}

// filled puts the version into what is said of it, and the machine into addresses.
func (t Toolchain) filled() Toolchain {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	fill := strings.NewReplacer("{version}", t.Version, "{arch}", runtime.GOARCH, "{machine}", machine).Replace
	t.Want = fill(t.Want)
	t.Command = slices.Clone(t.Command)
	t.Sources = slices.Clone(t.Sources)
	for i, s := range t.Sources {
		t.Sources[i] = s.Filled(fill)
	}
	return t
}

// otherBins are the paths at which a base may have a program of dest's name, if dest is where programs are.
func otherBins(dest string) []string {
	bins := []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	if !slices.Contains(bins, path.Dir(dest)) {
		return nil
	}
	var places []string
	for _, dir := range bins {
		if p := path.Join(dir, path.Base(dest)); p != dest {
			places = append(places, p)
		}
	}
	return places
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// CompareVersions orders by semantic version, whatever is none of that first, by its text. Docker's years and
// months ("19.03.13") have leading zeros, which semantic versions forbid: they are dropped for the
// comparison.
func CompareVersions(a, b string) int {
	if n := semver.Compare(canonical(a), canonical(b)); n != 0 {
		return n
	}
	return strings.Compare(a, b)
}

func canonical(version string) string {
	core, rest := strings.TrimPrefix(version, "v"), ""
	if i := strings.IndexAny(core, "-+"); i >= 0 {
		core, rest = core[:i], core[i:]
	}
	parts := strings.Split(core, ".")
	for i, p := range parts {
		if p = strings.TrimLeft(p, "0"); p == "" {
			p = "0"
		}
		parts[i] = p
	}
	// x.y with a suffix is no semantic version to x/mod; x.y.0 is.
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	return "v" + strings.Join(parts, ".") + rest
}
