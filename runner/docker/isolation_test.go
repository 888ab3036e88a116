package docker

import (
	"strings"
	"testing"
)

func TestIsolationSaysWhatTheEngineAddsOrLacks(t *testing.T) {
	for _, test := range []struct {
		info Info
		want []string
	}{
		{Info{Security: []string{"seccomp"}, Seccomp: "default", Cgroups: "1"}, []string{"no user namespaces", "Docker's seccomp", "neither AppArmor nor SELinux", "groups 1"}},
		{Info{Security: []string{"apparmor", "seccomp", "userns", "cgroupns"}, Seccomp: "builtin", Cgroups: "2"}, []string{"(user namespaces)", "Docker's seccomp", "AppArmor", "groups 2"}},
		{Info{Security: []string{"seccomp", "rootless", "selinux"}, Seccomp: "/etc/own.json", Unlimited: []string{"memory", "processes"}},
			[]string{"without root", "/etc/own.json", "SELinux", "no limit on memory, processes"}},
		{Info{Security: []string{"seccomp"}, Seccomp: "unconfined", Cgroups: "2"}, []string{"no user", "no seccomp", "neither", "groups 2"}},
		{Info{}, []string{"no user", "no seccomp", "neither"}},
	} {
		said := test.info.Isolation()
		if len(said) != len(test.want) {
			t.Errorf("%+v: got %q", test.info, said)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(said[i], want) {
				t.Errorf("%+v: got %q, want %q in it", test.info, said[i], want)
			}
		}
	}
}

func TestTheEngineSaysHowItIsolates(t *testing.T) {
	e := connect(t)
	said := e.Isolation()
	if len(said) < 3 || e.Info().Seccomp == "" && e.Info().has("seccomp") {
		t.Errorf("got %q of %+v", said, e.Info())
	}
	t.Log(strings.Join(said, "\n"))
}
