package space_test

import (
	"reflect"
	"slices"
	"testing"

	"buildbisect/bisect"
	"buildbisect/images/catalogue"
	"buildbisect/runner/space"
	"buildbisect/scenarios"
)

// axis has levels of its names; null is a null level. Bases and engines run from images of their names.
func axis(kind scenarios.AxisKind, name string, levels ...string) scenarios.Axis {
	a := scenarios.Axis{Kind: kind, Name: name}
	for _, l := range levels {
		level := scenarios.Level{Text: l}
		switch {
		case l == "null":
			level = scenarios.Level{Null: true}
		case kind == scenarios.BaseAxis || kind == scenarios.EngineAxis:
			level.Base = catalogue.Base{Image: l}
		}
		a.Levels = append(a.Levels, level)
	}
	return a
}

func spaceOf(t *testing.T, repair bool, axes ...scenarios.Axis) *space.Space {
	t.Helper()
	h := &space.History{
		Commits: []space.Commit{{ID: "c0"}, {ID: "c1"}}, Parents: [][]int{nil, {0}},
		Sides: []bisect.Side{bisect.After, bisect.After}, Repair: repair,
	}
	s, err := space.NewSpace(h, axes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAPoolHoldsEveryToolThatAPointCanHave(t *testing.T) {
	b := scenarios.Builder{Base: catalogue.Base{Image: "fixed"}, Tools: map[string]string{"make": "4.4.1", "go": "1.24"}}
	s := spaceOf(t, false, axis(scenarios.ToolAxis, "docker", "27", "null", "20"), axis(scenarios.ToolAxis, "buildx", "v2", "v1"))
	pool := []catalogue.Pick{
		{Tool: "buildx", Version: "v1"}, {Tool: "buildx", Version: "v2"}, {Tool: "docker", Version: "20"}, {Tool: "docker", Version: "27"},
		{Tool: "go", Version: "1.24"}, {Tool: "make", Version: "4.4.1"},
	}
	for _, docker := range []int{0, 1, 2} {
		got := s.World(b, bisect.Point{0, docker, 1}).Spec
		want := catalogue.Spec{Base: b.Base, Pool: pool, Picks: []catalogue.Pick{
			{Tool: "go", Version: "1.24"}, {Tool: "make", Version: "4.4.1"},
			{Tool: "docker", Version: []string{"27", "", "20"}[docker], Absent: docker == 1}, {Tool: "buildx", Version: "v1"},
		}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestABaseThatVariesIsToldFromOneThatDoesNot(t *testing.T) {
	fixed := scenarios.Builder{Base: catalogue.Base{Image: "fixed"}}
	if got := spaceOf(t, false).World(fixed, bisect.Point{0}).Spec; got.BaseVaries || got.Base.Image != "fixed" {
		t.Errorf("got %+v", got)
	}
	// Where a repair is searched for, levels are counted from the bad end.
	for repair, want := range map[bool]string{false: "new", true: "old"} {
		s := spaceOf(t, repair, axis(scenarios.BaseAxis, "", "old", "new"))
		if got := s.World(scenarios.Builder{}, bisect.Point{0, 1}).Spec; !got.BaseVaries || got.Base.Image != want {
			t.Errorf("repair %v: got %+v", repair, got)
		}
	}
}

func TestTheEngineIsTheAxissOrElseTheBuilders(t *testing.T) {
	mine := catalogue.Base{Image: "mine"}
	varied := []scenarios.Axis{axis(scenarios.EngineAxis, "", "old", "new")}
	for _, c := range []struct {
		builder scenarios.Builder
		axes    []scenarios.Axis
		point   bisect.Point
		want    catalogue.Base
		have    bool
	}{
		{scenarios.Builder{Engine: scenarios.EngineNone}, nil, bisect.Point{0}, catalogue.Base{}, false},
		{scenarios.Builder{Engine: scenarios.EngineHost}, nil, bisect.Point{0}, catalogue.Base{}, false},
		{scenarios.Builder{Engine: scenarios.EngineDind, EngineVersion: "mine", EngineBase: mine}, nil, bisect.Point{0}, mine, true},
		{scenarios.Builder{Engine: scenarios.EngineDind}, varied, bisect.Point{0, 0}, catalogue.Base{Image: "old"}, true},
		{scenarios.Builder{Engine: scenarios.EngineDind}, varied, bisect.Point{0, 1}, catalogue.Base{Image: "new"}, true},
	} {
		got := spaceOf(t, false, c.axes...).World(c.builder, c.point).Dockerd
		if (got != nil) != c.have || c.have && got.Base != c.want {
			t.Errorf("%+v at %v: got %v", c.builder, c.point, got)
		}
	}
}

func TestVariationsReachTheBox(t *testing.T) {
	s := spaceOf(t, false,
		axis(scenarios.EnvAxis, "CC", "gcc", "null"),
		axis(scenarios.VaryAxis, scenarios.Locale, "C", "C.UTF-8", "tr_TR.UTF-8", "null"),
		axis(scenarios.VaryAxis, scenarios.Umask, "0022", "0077", "null"),
		axis(scenarios.VaryAxis, scenarios.Timezone, "UTC", "null"))
	b := scenarios.Builder{Env: map[string]string{"B": "2", "A": "1"}}
	for _, c := range []struct {
		point           bisect.Point
		env             []string
		prelude, locale string
	}{
		{bisect.Point{0, 0, 0, 0, 0}, []string{"A=1", "B=2", "CC=gcc", "LC_ALL=C", "LANG=C", "TZ=UTC"}, "umask 0022\n", "C"},
		{bisect.Point{0, 0, 1, 1, 0}, []string{"A=1", "B=2", "CC=gcc", "LC_ALL=C.UTF-8", "LANG=C.UTF-8", "TZ=UTC"}, "umask 0077\n", "C.UTF-8"},
		{bisect.Point{0, 1, 2, 2, 1}, []string{"A=1", "B=2", "CC", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8", "TZ"}, "", "tr_TR.UTF-8"},
		{bisect.Point{0, 1, 3, 2, 1}, []string{"A=1", "B=2", "CC", "LC_ALL", "LANG", "TZ"}, "", ""},
	} {
		if got := s.World(b, c.point).Env; !slices.Equal(got, c.env) {
			t.Errorf("%v: env is %q, want %q", c.point, got, c.env)
		}
		if got := s.World(b, c.point).Prelude; got != c.prelude {
			t.Errorf("%v: prelude is %q, want %q", c.point, got, c.prelude)
		}
		if got := s.World(b, c.point).Locale; got != c.locale {
			t.Errorf("%v: locale is %q, want %q", c.point, got, c.locale)
		}
	}
}

func TestEnginesAndVariationsAreFoundByTheirKeys(t *testing.T) {
	s := spaceOf(t, false, axis(scenarios.EngineAxis, "", "20.10.5", "26.1.5"), axis(scenarios.VaryAxis, scenarios.Umask, "0022", "null"))
	engine := "26.1.5"
	if i, level, err := s.At("engine", &engine); err != nil || i != 1 || level != 1 {
		t.Errorf("got %d %d %v", i, level, err)
	}
	if i, level, err := s.At("vary.umask", nil); err != nil || i != 2 || level != 1 {
		t.Errorf("got %d %d %v", i, level, err)
	}
}
