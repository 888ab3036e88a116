package images

import (
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// Toolchain is one version of one tool: where it goes in an image, how to have it, and what it must print.
// Exactly one of Module and File is set.
type Toolchain struct {
	Tool, Version string
	About         string   // for people
	Dest          string   // absolute path of the tool in the image
	Places        []string // other absolute paths where a base may have the same tool: made to lead to Dest, or emptied
	Command       []string // asks the tool for its version, the tool itself first; empty: it is not asked
	Want          string   // what the output of Command must contain
	API           string   // of a client: the API version it speaks, as in 1.41; an engine may refuse an old one

	Module *Module
	File   *File
}

// Module builds a tool from a Go module: a wrapper module requires it and pins all it is made of.
type Module struct {
	Package          string            // main package, as an import path
	LDFlags, GCFlags string            // for go build
	Pin              []byte            // txtar: go.mod and go.sum of the wrapper
	Local            map[string][]byte // txtar: modules that the wrapper replaces others with, by the name of the folder beside it
}

// File is a tool that the user has, as one executable file.
type File struct {
	Path    string   // on this machine
	SHA256  string   // of its bytes, 64 hex digits
	Dest    string   // absolute path in the image
	Command []string // optional: asks it for its version
	Want    string   // what Command must print; default the version
}

// Catalogue knows tools and their versions. It does not change: [Catalogue.Declare] returns another.
type Catalogue struct {
	tools map[string]map[string]Toolchain
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
		return fmt.Sprintf("tool %q: unknown; known are %s; declare others under builder.tools with file, sha256 and dest", e.Tool, have)
	}
	return fmt.Sprintf("tool %s: unknown version %q; known are %s; declare others under builder.tools with file, sha256 and dest", e.Tool, e.Version, have)
}

// Tools returns the names of all tools, sorted.
func (c *Catalogue) Tools() []string { return slices.Sorted(maps.Keys(c.tools)) }

// Versions returns the versions of tool, oldest first; none for an unknown tool.
func (c *Catalogue) Versions(tool string) []string {
	return slices.SortedFunc(maps.Keys(c.tools[tool]), compareVersions)
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

// Places returns every absolute path at which an image built from this catalogue, or a base, may hold tool.
func (c *Catalogue) Places(tool string) []string {
	var places []string
	for _, t := range c.tools[tool] {
		places = append(append(places, t.Dest), t.Places...)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// Declare returns a copy of c that also has the version described by f. A version that c already has is refused: two
// meanings of one name would make reports lie.
func (c *Catalogue) Declare(tool, version string, f File) (*Catalogue, error) {
	what := fmt.Sprintf("tool %s %s", tool, version)
	switch _, err := c.Lookup(tool, version); {
	case tool == "" || version == "":
		return nil, fmt.Errorf("tool %q version %q: both need a name", tool, version)
	case err == nil:
		return nil, fmt.Errorf("%s: already in the catalogue; give yours another version name", what)
	case f.Path == "":
		return nil, fmt.Errorf("%s: no file given", what)
	case !isSHA256(f.SHA256):
		return nil, fmt.Errorf("%s: sha256 %q is not 64 hex digits; take it from: sha256sum %s", what, f.SHA256, f.Path)
	case !path.IsAbs(f.Dest) || path.Clean(f.Dest) != f.Dest || f.Dest == "/":
		return nil, fmt.Errorf("%s: dest %q is not a clean absolute path of a file, like /usr/local/bin/%s", what, f.Dest, tool)
	}
	f.SHA256 = strings.ToLower(f.SHA256)
	f.Command = slices.Clone(f.Command)
	t := Toolchain{Tool: tool, Version: version, Dest: f.Dest, Places: otherBins(f.Dest), Command: f.Command, Want: f.Want, File: &f}
	if len(t.Command) > 0 && t.Want == "" {
		t.Want = version
	}

	d := &Catalogue{tools: maps.Clone(c.tools)}
	if d.tools == nil {
		d.tools = map[string]map[string]Toolchain{}
	}
	versions := maps.Clone(d.tools[tool])
	if versions == nil {
		versions = map[string]Toolchain{}
	}
	versions[version] = t
	d.tools[tool] = versions
	return d, nil
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

// compareVersions orders by semantic version, whatever is none of that first, by its text. Docker's years and months
// ("19.03.13") have leading zeros, which semantic versions forbid: they are dropped for the comparison.
func compareVersions(a, b string) int {
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
