package catalogue

import (
	"strings"
	"testing"
)

func TestFlagsOfGoThatWriteOrRunSomethingAreRefused(t *testing.T) {
	for _, c := range []struct {
		check   func(string) error
		allowed []string
		refused []string
	}{
		{CheckLDFlags, []string{
			"", " ", "-s -w", "-w", "-s -w -X example.org/own/version.Version=v{version}", "-X=main.version=1", `-X "main.words=one two"`,
			`-X main.words=it's`, "all=-s -w", "example.org/own/...=-s", "-X main.flags=-o=/etc/passwd", "-s\t-w",
		}, []string{
			"-cpuprofile=/tmp/x", "-memprofile=/tmp/x", "-o=/tmp/x", "-o /tmp/x", "-extld=/tmp/x", "-extld /tmp/x", "-linkmode=external",
			"-linkmode external", "-extldflags=-fplugin=/tmp/x", "-importcfg=/etc/shadow", "-pluginpath=x", "-r=/tmp", "-L /tmp", "-I/tmp/x",
			"-tmpdir=/tmp", "-capturehostobjs=/tmp", "-B=x", "-buildid=x", "--s", "--cpuprofile=/tmp/x", "@/etc/shadow", "-X", "-X main", "-X -o=/tmp/x",
			"-X=main", "-s -w -X a.b=c -cpuprofile=/tmp/x", "all=-cpuprofile=/tmp/x", "=-s", "-s=-o", "'-s", `"-cpuprofile=/tmp/x"`,
			"-X a.b=c '-o' /tmp/x", "-X a.b=\"c -s\"", "../x=-s", "'-X' a.b=c", "-s\v-w", "-dumpdep", "-benchmark=cpu", "-benchmarkprofile=/tmp/x",
		}},
		{CheckGCFlags, []string{"", "-lang=go1.23", "github.com/docker/...=-lang=go1.23", "all=-lang=go1.5"}, []string{
			"-cpuprofile=/tmp/x", "-o=/tmp/x", "-asmhdr=/tmp/x", "-linkobj=/tmp/x", "-embedcfg=/etc/shadow", "-trimpath=x", "-memprofile /tmp/x",
			"-traceprofile=/tmp/x", "-blockprofile=/tmp/x", "-bench=/tmp/x", "-lang=go1.23 -o=/tmp/x", "-lang", "-lang=go2", "-lang=go1.23=x",
			"all=-o=/tmp/x", "-json=0,/tmp", "-importcfg=/etc/shadow", "-symabis=/etc/shadow", "-pgoprofile=/etc/shadow", "-lang go1.23", "'-lang=go1.1",
		}},
	} {
		for _, flags := range c.allowed {
			if err := c.check(flags); err != nil {
				t.Errorf("%q: %v", flags, err)
			}
		}
		for _, flags := range c.refused {
			if err := c.check(flags); err == nil || !strings.Contains(err.Error(), "allowed, since the ") {
				t.Errorf("%q: got %v", flags, err)
			}
		}
	}
}

func TestAPinIsBuiltFromNothingButWhatItPins(t *testing.T) {
	const mod = "-- go.mod --\nmodule pin\n\ngo 1.26\n"
	for _, c := range []struct{ pin, want string }{
		{mod + "\nreplace a.example/b => ./b\n-- b/go.mod --\nmodule b\n", ""},
		{mod + "\nreplace a.example/b => ../beside\n", ""},
		{mod + "\nreplace a.example/b => c.example/d v1.0.0\n", ""},
		{mod + "-- x.s --\n#include \"textflag.h\"\n", ""},
		{mod + "\nreplace a.example/b => /root/private\n", "replaces a.example/b with /root/private"},
		{mod + "\nreplace a.example/b => ../other\n", "which is no folder of the pin"},
		{mod + "\nreplace a.example/b => ./b/../../other\n", "which is no folder of the pin"},
		{mod + "\nreplace a.example/b => ../beside/../other\n", "which is no folder of the pin"},
		{"-- main.go --\n", "holds no go.mod"},
		{mod + "-- go.mod --\nmodule pin\nreplace a.example/b => /root\n", "go.mod stands twice"},
		{mod + "-- ./go.mod --\nmodule pin\n", "lies outside"},
		{mod + "-- a/../go.mod --\nmodule pin\n", "lies outside"},
		{mod + "-- ../x --\n", "lies outside"},
		{mod + "-- /tmp/x --\n", "lies outside"},
		{mod + "-- x.s --\n#include \"/etc/shadow\"\n", "x.s includes"},
		{mod + "-- x.s --\n \t # include \"../../../../etc/shadow\"\n", "x.s includes"},
		{mod + "-- x.s --\n#/**/include \"\\x2fetc/shadow\"\n", "x.s includes"},
		{mod + "-- x.h --\n#include \"a/b\"\n", "x.h includes"},
		{"-- go.mod --\nmodule \x01\n", "go.mod:1"},
	} {
		err := CheckPin([]byte(c.pin), "beside")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got %v, want %q", c.pin, err, c.want)
		}
	}
}

func TestShippedToolsKeepToTheirOwnRules(t *testing.T) {
	for tool, versions := range Shipped().tools {
		for version, tc := range versions {
			if err := tc.check(); err != nil {
				t.Errorf("%s %s: %v", tool, version, err)
			}
		}
	}
}
