package catalogue

import (
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// FuzzVersions: versions of any text are in one order. It is that of their numbers where they have no more
// than those.
func FuzzVersions(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b, c string) {
		all := []string{a, b, c}
		for _, x := range all {
			for _, y := range all {
				xy := CompareVersions(x, y)
				if xy != -CompareVersions(y, x) || (xy == 0) != (x == y) {
					t.Fatalf("%q and %q: %d one way, %d the other", x, y, xy, CompareVersions(y, x))
				}
				if want, ok := byNumbers(x, y); ok && want != 0 && xy != want {
					t.Fatalf("%q and %q: %d, want %d", x, y, xy, want)
				}
				if want, ok := byNumbers(x, y); ok && want < 0 && (CompareVersions(x, y+"-rc1") >= 0 || CompareVersions(y+"-rc1", y) >= 0) {
					t.Fatalf("%s-rc1 is not between %s and %[1]s", y, x)
				}
				for _, z := range all {
					if xy < 0 && CompareVersions(y, z) < 0 && CompareVersions(x, z) >= 0 {
						t.Fatalf("%q < %q < %q, which is not behind the first", x, y, z)
					}
				}
			}
		}
	})
}

var plain = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+){0,2}$`)

// byNumbers is the oracle for versions of up to three numbers, the missing ones being zeros.
func byNumbers(a, b string) (order int, ok bool) {
	if !plain.MatchString(a) || !plain.MatchString(b) {
		return 0, false
	}
	numbers := func(version string) (all [3]big.Int) {
		for i, part := range strings.Split(strings.TrimPrefix(version, "v"), ".") {
			all[i].SetString(part, 10)
		}
		return all
	}
	x, y := numbers(a), numbers(b)
	return cmp.Or(x[0].Cmp(&y[0]), x[1].Cmp(&y[1]), x[2].Cmp(&y[2])), true
}

// Debian's own tool is the judge for what both understand: numbers, and release candidates, which Debian
// writes with a tilde.
func TestVersionsAreOrderedAsDebianOrdersThem(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip(err)
	}
	const seed = 98646
	dice := rand.New(rand.NewPCG(seed, 0))
	number := func() string {
		return []string{"0", "00", "1", "01", "2", "9", "09", "10", "19", "20", "100"}[dice.IntN(11)]
	}
	version := func() (ours, debians string) {
		ours = fmt.Sprintf("%s.%s.%s", number(), number(), number())
		debians = ours
		if dice.IntN(3) == 0 {
			n := dice.IntN(10)
			ours, debians = fmt.Sprintf("%s-rc%d", ours, n), fmt.Sprintf("%s~rc%d", debians, n)
		}
		return ours, debians
	}
	pairs := 300
	if testing.Short() {
		pairs = 30
	}
	for range pairs {
		a, debiansA := version()
		b, debiansB := version()
		if dice.IntN(2) == 0 { // of one release
			b, debiansB = a+"-rc3", debiansA+"~rc3"
			if strings.Contains(a, "-") {
				b, _, _ = strings.Cut(a, "-")
				debiansB = b
			}
		}
		order := CompareVersions(a, b)
		for relation, holds := range map[string]bool{"lt": order < 0, "gt": order > 0} {
			debian := exec.Command("dpkg", "--compare-versions", debiansA, relation, debiansB).Run() == nil
			if debian && !holds {
				t.Errorf("seed %d: %s and %s: %d, and to Debian %s %s %s", seed, a, b, order, debiansA, relation, debiansB)
			}
		}
	}
}
