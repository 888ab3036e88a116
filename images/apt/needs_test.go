package apt

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const paragraphs = `Package: perl
Source: perl (5.36.0-7)
Status: install ok installed
Version: 5.36.0-7+deb12u4
Section: perl
Pre-Depends: dpkg (>= 1.17.17)
Depends: perl-base (= 5.36.0-7+deb12u4),
 perl-modules-5.36 (>= 5.36.0~), awk | mawk:any (<< 2)
Provides: libjson-pp-perl (= 4.07000), perlapi
Description: a language
 Depends: nothing, this is text

Package: gone
Status: deinstall ok config-files
Version: 1

Package: bash
Version: 5.2.15-2+b13
Essential: yes
Source: bash (5.2.15-2)
`

func TestControlsSayWhatAPackageNeedsAndProvides(t *testing.T) {
	all, err := ParseControls(paragraphs)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	perl, bash := all[0], all[1]
	var needs []string
	for _, n := range perl.Needs {
		needs = append(needs, n.String())
	}
	want := []string{"dpkg (>= 1.17.17)", "perl-base (= 5.36.0-7+deb12u4)", "perl-modules-5.36 (>= 5.36.0~)", "awk or mawk (<< 2)"}
	if perl.Name != "perl" || perl.Source != "perl" || perl.Section != "perl" || !slices.Equal(needs, want) {
		t.Errorf("got %+v, %q", perl, needs)
	}
	if bash.Source != "bash" || !bash.Essential || perl.Essential {
		t.Errorf("got %+v", bash)
	}
	for relation, want := range map[string]bool{
		"perl": true, "perl (>= 5.36.0-7)": true, "perl (= 5.36.0-7)": false, "perl (<< 5.36.0-7+deb12u4)": false, "perl (< 5.36.0-7+deb12u4)": true,
		"perl (>> 5.005)": true, "perlapi": true, "perlapi (= 1)": false, "libjson-pp-perl (>= 4)": true, "libjson-pp-perl (>= 5)": false, "python3": false,
	} {
		n, err := parseNeeds(relation)
		if err != nil {
			t.Fatal(err)
		}
		if got := n[0][0].MetBy(perl); got != want {
			t.Errorf("%s: met %v, want %v", relation, got, want)
		}
	}
	if _, err := ParseControls("Package: x\nDepends: a b c\n"); err == nil || !strings.Contains(err.Error(), "package x: depends: not understood") {
		t.Errorf("got %v", err)
	}
}

// TestVersionsAreComparedAsDpkgDoes asks dpkg.
func TestVersionsAreComparedAsDpkgDoes(t *testing.T) {
	needTools(t, "dpkg")
	versions := []string{"1.0", "1.0-1", "1.0-1+b1", "1.0~rc1", "1.0~", "1:0.5", "1.0+dfsg1-2", "1.10", "1.9", "0.0~git2020", "2:1.4.19-3", "1.0-1~deb12u1", "1.0a", "1.0.0"}
	names := map[string]string{"<<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">>": "gt"}
	for i, a := range versions {
		for _, b := range versions[i:] {
			for op, name := range names {
				want := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", a, name, b).Run() == nil
				if got := (Relation{"x", op, b}).allows(a); got != want {
					t.Errorf("%s %s %s: got %v, dpkg says %v", a, op, b, got, want)
				}
			}
		}
	}
}
