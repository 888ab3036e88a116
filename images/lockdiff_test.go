package images

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"buildbisect/images/catalogue"
)

func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func aLock() *Lock {
	return &Lock{
		Version: lockVersion, Platform: platform(),
		Bases: []LockedBase{{Asked: "debian bookworm make", Date: "20260101T000000Z", Layers: []string{digestOf("a")}, Packages: []string{"make 4.3-4"}}},
		Tools: []LockedTool{{Tool: "buildx", Version: "v0.5.1", Asked: "1", Provider: "module", From: "module example.org/buildx", Go: "go1.26.1", Layer: digestOf("b")}},
	}
}

func TestALockMadeAgainOfTheSameBitsIsTheSame(t *testing.T) {
	made := aLock()
	made.Bases[0].Date = "20260202T000000Z"
	made.Tools[0].Provider, made.Tools[0].From = "release", "release https://example.org/buildx"
	l := aLock()
	l.Update(made)
	if !reflect.DeepEqual(l, aLock()) {
		t.Errorf("got %+v", l)
	}
	if changes := made.Changes(aLock()); len(changes) != 0 {
		t.Errorf("changes %+v", changes)
	}
}

func TestChangesSayWhatIsNewGoneAndMoved(t *testing.T) {
	made := aLock()
	made.Bases[0].Layers, made.Bases[0].Packages, made.Bases[0].Date = []string{digestOf("c")}, []string{"make 4.4-1"}, "20260202T000000Z"
	made.Tools = []LockedTool{{Tool: "make", Version: "4.4.1", From: "debian package make of trixie", Layer: digestOf("d")}}
	l := aLock()
	l.Update(made)
	if l.base("debian bookworm make").Layers[0] != digestOf("c") || len(l.Tools) != 2 {
		t.Errorf("updated to %+v", l)
	}
	got := made.Changes(aLock())
	want := []LockChange{
		{"base debian bookworm make", "sha256:aaaaaaaaaaaa as of 20260101T000000Z", "sha256:cccccccccccc as of 20260202T000000Z; now make 4.4-1, not make 4.3-4"},
		{"buildx v0.5.1", "sha256:bbbbbbbbbbbb by module example.org/buildx with go1.26.1", ""},
		{"make 4.4.1", "", "sha256:dddddddddddd by debian package make of trixie"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestALockLacksWhatIsDescribedOtherwise(t *testing.T) {
	tools, tool := aTool(t, "#!/bin/sh\n")
	described, err := tools.Lookup(tool.Tool, tool.Version)
	if err != nil {
		t.Fatal(err)
	}
	specs := []catalogue.Spec{{Base: catalogue.Base{Image: "registry.example/base:1"}, Picks: []catalogue.Pick{tool, {Tool: "buildx", Absent: true}}}}
	l := &Lock{
		Bases: []LockedBase{{Asked: "image registry.example/base:1"}},
		Tools: []LockedTool{{Tool: tool.Tool, Version: tool.Version, Asked: askedOf(described)}},
	}
	if lacks, err := l.Lacks(tools, specs); err != nil || len(lacks) != 0 {
		t.Errorf("lacks %q, %v", lacks, err)
	}
	described.Dest = "/elsewhere"
	l.Tools[0].Asked = askedOf(described)
	if lacks, err := l.Lacks(tools, specs); err != nil || !slices.Equal(lacks, []string{"mytool v1"}) {
		t.Errorf("lacks %q, %v", lacks, err)
	}
	if lacks, err := (&Lock{}).Lacks(tools, specs); err != nil || !slices.Equal(lacks, []string{"base image registry.example/base:1", "mytool v1"}) {
		t.Errorf("lacks %q, %v", lacks, err)
	}
}
