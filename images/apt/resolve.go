package apt

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Resolve finds the packages named, and all that they need to be installed where nothing is: not what they
// merely recommend. A name may be followed by = and a version.
func (c *Client) Resolve(ctx context.Context, a Archive, names []string) (Resolution, error) {
	if len(names) == 0 {
		return Resolution{}, errors.New("resolve: no packages are named")
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, n := range names {
		name, version, pinned := strings.Cut(n, "=")
		if !packageName.MatchString(name) || pinned && !versionName.MatchString(version) {
			return Resolution{}, fmt.Errorf("resolve: %q is no name of a Debian package, nor one with =version", n)
		}
	}
	l, err := c.index(ctx, a)
	if err != nil {
		return Resolution{}, err
	}
	sources, err := c.sources(ctx, a)
	if err != nil {
		return Resolution{}, err
	}
	// Without this setting apt prints the MD5 sum.
	args := append([]string{"install", "--print-uris", "-q", "--yes", "-oAcquire::ForceHash=SHA256", "--"}, names...)
	out, err := c.run(ctx, l.env, "apt-get", args...)
	if err != nil {
		return Resolution{}, fmt.Errorf("suite %s: %w", a.name(), err)
	}
	r := Resolution{Date: l.date}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "'") {
			continue // what else apt has to say
		}
		p, err := parseURI(strings.TrimSpace(line), sources)
		if err == nil {
			err = p.check()
		}
		if err != nil {
			return Resolution{}, fmt.Errorf("suite %s: %w", a.name(), err)
		}
		r.Packages = append(r.Packages, p)
	}
	slices.SortFunc(r.Packages, func(x, y Package) int { return strings.Compare(x.Name, y.Name) })
	// apt takes a name that no package has for a pattern, for a package to remove, or for what another
	// provides.
	for _, n := range names {
		name, _, _ := strings.Cut(n, "=")
		if !slices.ContainsFunc(r.Packages, func(p Package) bool { return p.Name == name }) {
			return Resolution{}, fmt.Errorf("suite %s: no package has the name %s; name the one that provides it", a.name(), name)
		}
	}
	return r, nil
}

// uriLine is what apt prints of a package: 'URL' name_version_arch.deb size SHA256:digest. In URL and version
// special characters are escaped as in URLs.
var uriLine = regexp.MustCompile(`^'([^']+)' ([^_ ]+)_([^_ ]+)_([^_ ]+)\.deb (\d+) SHA256:([0-9a-f]{64})$`)

func parseURI(line string, sources []source) (Package, error) {
	m := uriLine.FindStringSubmatch(line)
	if m == nil {
		return Package{}, fmt.Errorf("apt-get: not understood: %q", line)
	}
	size, err := strconv.ParseInt(m[5], 10, 64)
	if err != nil {
		return Package{}, fmt.Errorf("apt-get: %w in %q", err, line)
	}
	version, err := url.PathUnescape(m[3])
	if err != nil {
		return Package{}, fmt.Errorf("apt-get: %w in %q", err, line)
	}
	for _, s := range sources {
		file, ok := strings.CutPrefix(m[1], s.base+"/")
		if !ok {
			continue
		}
		if file, err = url.PathUnescape(file); err != nil {
			return Package{}, fmt.Errorf("apt-get: %w in %q", err, line)
		}
		return Package{Name: m[2], Version: version, Arch: m[4], SHA256: m[6], Size: size, Filename: path.Clean(file), URL: m[1]}, nil
	}
	return Package{}, fmt.Errorf("apt-get: %s is from none of the archives asked", m[1])
}
