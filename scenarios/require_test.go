package scenarios

import (
	"strings"
	"testing"
	"testing/fstest"
)

const ruled = `version: 1
name: ruled
source: {history: h.fi, good: a, bad: b}
builder:
  base: {image: debian}
  tools: {docker: "20.10.2"}
  env: {MODE: "on"}
axes:
  - {tool: buildx, levels: [v0.5.1, v0.5.0-rc1, v0.4.2, null]}
  - {env: FLAGS, levels: [-O0, "-O2 -g", "", null]}
  - {env: STEP, levels: ["9", "10", "0022"]}
stages: [{name: build, run: make}]
require: [RULE]
`

// Each case says in Go what the rule says, of all points: wherever it is true, and only there, the point is
// excluded.
func TestARuleExcludesWhatItSaysAndNothingElse(t *testing.T) {
	const unset = "\x00"
	for rule, excluded := range map[string]func(buildx, flags, step string) bool{
		"buildx >= 0.5 with STEP = 9": func(buildx, _, step string) bool { return buildx == "v0.5.1" && step != "9" },
		// A release candidate comes before its release, and 0.5 is 0.5.0.
		"buildx < 0.5 with STEP > 9": func(buildx, _, step string) bool {
			return (buildx == "v0.5.0-rc1" || buildx == "v0.4.2") && step == "9"
		},
		"buildx <= v0.5.0-rc1 with STEP >= 10": func(buildx, _, step string) bool {
			return (buildx == "v0.5.0-rc1" || buildx == "v0.4.2") && step == "9"
		},
		"buildx > v0.5.0-rc1 with STEP < 22":       func(buildx, _, step string) bool { return buildx == "v0.5.1" && step == "0022" },
		"buildx absent with STEP != 9":             func(buildx, _, step string) bool { return buildx == unset && step == "9" },
		"buildx != v0.5.1 with FLAGS != -O0":       func(buildx, flags, _ string) bool { return buildx != "v0.5.1" && flags == "-O0" },
		"buildx=v0.4.2 with FLAGS present":         func(buildx, flags, _ string) bool { return buildx == "v0.4.2" && flags == unset },
		`FLAGS = "-O2 -g" with buildx != "v0.4.2"`: func(buildx, flags, _ string) bool { return flags == "-O2 -g" && buildx == "v0.4.2" },
		`FLAGS = "" with buildx absent`:            func(buildx, flags, _ string) bool { return flags == "" && buildx != unset },
		`FLAGS = "\x2dO0" with buildx present`:     func(buildx, flags, _ string) bool { return flags == "-O0" && buildx == unset },
		"buildx = v0.4.2 with STEP = 10 and FLAGS = -O0": func(buildx, flags, step string) bool {
			return buildx == "v0.4.2" && (step != "10" || flags != "-O0")
		},
		// The builder's pins are what they are: conditions on them always hold, or never.
		"docker >= 20.10 with buildx = v0.5.1 and STEP = 9": nil, // excludes the bad end
		"docker < 20.10 with buildx = v0.4.2":               func(_, _, _ string) bool { return false },
		"buildx = v0.4.2 with docker < 20":                  func(buildx, _, _ string) bool { return buildx == "v0.4.2" },
		"buildx = v0.4.2 with MODE = on":                    func(_, _, _ string) bool { return false },
		"buildx >= 0.5 with buildx < 0.5":                   nil, // excludes the good end
		"buildx >= 0.5 with buildx = v0.5.1":                func(_, _, _ string) bool { return false },
	} {
		for _, env := range []string{"FLAGS", "STEP", "MODE"} {
			rule = strings.ReplaceAll(rule, env, "env."+env)
		}
		t.Run(rule, func(t *testing.T) {
			text := strings.Replace(ruled, "RULE", "'"+rule+"'", 1)
			s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
			if excluded == nil {
				if err == nil || !strings.Contains(err.Error(), "excludes the ") {
					t.Errorf("got %v, want the rule refused", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, buildx := range []string{"v0.5.1", "v0.5.0-rc1", "v0.4.2", unset} {
				for j, flags := range []string{"-O0", "-O2 -g", "", unset} {
					for k, step := range []string{"9", "10", "0022"} {
						by, got := s.Excluded([]int{i, j, k})
						if got != excluded(buildx, flags, step) || got && by != rule {
							t.Errorf("%q %q %q: excluded %v, by %q", buildx, flags, step, got, by)
						}
					}
				}
			}
		})
	}
}

func TestTheFirstRuleThatExcludesAPointIsNamed(t *testing.T) {
	text := strings.Replace(ruled, "RULE", "buildx = v0.4.2 with env.STEP = 10, buildx != v0.5.1 with env.STEP != 9", 1)
	s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		levels []int
		want   string
	}{
		{[]int{2, 0, 0}, "buildx = v0.4.2 with env.STEP = 10"},
		{[]int{1, 0, 0}, "buildx != v0.5.1 with env.STEP != 9"},
		{[]int{2, 0, 1}, ""},
	} {
		if got, excluded := s.Excluded(c.levels); got != c.want || excluded != (c.want != "") {
			t.Errorf("%v: %q, %v", c.levels, got, excluded)
		}
	}
}

func TestConditionsAreCountedOverAllRules(t *testing.T) {
	rule := "buildx absent with env.STEP = 0022" + strings.Repeat(" and buildx absent", maxConditions/2-2)
	two := rule + ", " + rule
	for rules, want := range map[string]string{two: "", two + ", buildx absent with buildx absent": "there are 102 conditions"} {
		_, err := Decode("x", []byte(strings.Replace(ruled, "RULE", rules, 1)), fstest.MapFS{"h.fi": {}}, "")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
