package apt

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Control is what a package says of itself, as far as it decides what a program of it needs.
type Control struct {
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Source    string     `json:"source"` // the package it was built from, and is released with
	Section   string     `json:"section,omitempty"`
	Essential bool       `json:"essential,omitempty"` // in every Debian system
	Needs     []Need     `json:"needs,omitempty"`     // Pre-Depends and Depends: each must be met
	Provides  []Relation `json:"provides,omitempty"`
}

// ReadControl reads the control file of a .deb file.
func ReadControl(ctx context.Context, deb string) (Control, error) {
	out, err := finish(ctx, command(ctx, []string{"PATH=" + os.Getenv("PATH")}, "dpkg-deb", "--field", deb))
	if err != nil {
		return Control{}, err
	}
	all, err := ParseControls(out)
	if err != nil {
		return Control{}, fmt.Errorf("%s: %w", deb, err)
	}
	if len(all) != 1 {
		return Control{}, fmt.Errorf("%s: %d control paragraphs, want one", deb, len(all))
	}
	return all[0], nil
}

// ParseControls reads paragraphs as control files and dpkg's database have them. Packages that are not
// installed, of which the database still keeps settings, are left out.
func ParseControls(text string) ([]Control, error) {
	var all []Control
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		fields := map[string]string{}
		last := ""
		for line := range strings.Lines(paragraph) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
				fields[last] += "\n" + strings.TrimSpace(line)
			} else if key, value, ok := strings.Cut(line, ":"); ok {
				last = strings.ToLower(key)
				fields[last] = strings.TrimSpace(value)
			}
		}
		if fields["package"] == "" {
			continue
		}
		if s := fields["status"]; s != "" && !strings.HasSuffix(s, " installed") {
			continue
		}
		c, err := control(fields)
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", fields["package"], err)
		}
		all = append(all, c)
	}
	return all, nil
}

func control(fields map[string]string) (Control, error) {
	c := Control{
		Name: fields["package"], Version: fields["version"], Section: fields["section"], Essential: fields["essential"] == "yes",
	}
	c.Source, _, _ = strings.Cut(fields["source"], " ") // behind it may stand a version, where it is another
	if c.Source == "" {
		c.Source = c.Name
	}
	for _, key := range []string{"pre-depends", "depends"} {
		needs, err := parseNeeds(fields[key])
		if err != nil {
			return c, fmt.Errorf("%s: %w", key, err)
		}
		c.Needs = append(c.Needs, needs...)
	}
	provides, err := parseNeeds(fields["provides"])
	if err != nil {
		return c, fmt.Errorf("provides: %w", err)
	}
	for _, p := range provides {
		c.Provides = append(c.Provides, p...)
	}
	return c, nil
}
