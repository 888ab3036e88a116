package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"buildbisect/scenarios/document"
)

func TestAllThatAScenarioLoosensIsNamedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, builder, axes, want string }{
		{"nothing", "{base: {image: debian}, resources: {cpus: 2, memory: 1g, pids: 100, disk: 1g, log: 4k, artifacts: 20k}}", "", ""},
		{"all at once", `
  base: {image: debian}
  engine: host
  network: bridge
  capabilities: [SYS_ADMIN, NET_RAW]
  secrets: {B: {from-env: B}, A: {from-env: A}}
  resources:
    disk: 21g
    log: 2g
    pids: 4097
    artifacts: 3g`, "", `
builder.engine 6 as good as root on it
builder.network 7 reach the network
builder.capabilities 8 SYS_ADMIN, NET_RAW; SYS_ADMIN can be as good as root
builder.resources.pids 13 4097 processes instead of 4096
builder.resources.disk 11 write 21GiB instead of 20GiB
builder.resources.log 12 print 2GiB instead of 1GiB
builder.resources.artifacts 14 artifacts 3GiB instead of 1GiB
builder.secrets 9 read A, B`},
		{"an engine of the build's own", "{base: {image: debian}, engine: dind}", "", "\nbuilder.engine 4 without a filter of system calls"},
		{"one that an axis varies", "{base: {image: debian}}", "axes:\n  - {env: A, levels: [a, b]}\n  - {engine: true, levels: [\"20.10.5\", \"26.1.5\"]}\n", "\naxes[1].engine 8 Docker engine beside the build"},
	} {
		text := strings.Replace(least, "{base: {image: debian}}", c.builder, 1) + c.axes
		s, err := Decode("x", []byte(text), fstest.MapFS{"h.fi": {}}, "")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		wanted := strings.Split(c.want, "\n")[1:]
		if c.want == "" {
			wanted = nil
		}
		got := s.Loosened()
		if len(got) != len(wanted) {
			t.Errorf("%s: got %+v", c.name, got)
			continue
		}
		for i, want := range wanted {
			start := fmt.Sprintf("%s %d ", got[i].Key, got[i].Line)
			if !strings.HasPrefix(want, start) || !strings.Contains(got[i].What, strings.TrimPrefix(want, start)) {
				t.Errorf("%s: got %+v, want %s", c.name, got[i], want)
			}
		}
	}
}

func TestWhatCanBeAsGoodAsRootIsACapability(t *testing.T) {
	for _, name := range append(DefaultCapabilities(), asRoot...) {
		if document.Nearest(name, capabilities()) != name {
			t.Errorf("%s is none", name)
		}
	}
}
