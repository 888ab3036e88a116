package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// someTools has files of its own as tools.
type someTools struct{ set images.Toolset }

func (s someTools) Tools(context.Context, catalogue.Spec) (*images.Toolset, error) {
	return &s.set, nil
}
func (s someTools) ToolsIdentity(context.Context, catalogue.Spec) (string, error) {
	return s.set.Identity, nil
}

func TestPinnedToolsComeFirstAndAbsentOnesAreNotThere(t *testing.T) {
	bin := t.TempDir()
	machine := t.TempDir()
	for file, text := range map[string]string{
		filepath.Join(bin, "pinned"): "echo pinned", filepath.Join(bin, "docker-p"): "echo plugin",
		filepath.Join(machine, "mine"): "echo machine", filepath.Join(machine, "gone"): "echo machine", filepath.Join(machine, "other"): "echo other",
	} {
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", machine+":"+os.Getenv("PATH"))
	tools := someTools{images.Toolset{
		Identity: strings.Repeat("1", 64),
		Dests:    map[string]string{"mine": "/usr/bin/mine", "p": "/usr/local/lib/docker/cli-plugins/docker-p"},
		Links:    map[string]string{"/usr/bin/mine": filepath.Join(bin, "pinned"), "/usr/local/lib/docker/cli-plugins/docker-p": filepath.Join(bin, "docker-p"), "/usr/share/doc": bin},
		Hidden:   []string{"/usr/bin/gone", "/usr/bin/mine", filepath.Join(machine, "gone"), "/usr/libexec/docker/cli-plugins/no-such-plugin"},
	}}
	e := open(t, tools)
	box := start(t, e)
	out, exit := script(t, box, `mine; other; command -v gone || echo absent; $HOME/.docker/cli-plugins/docker-p; ls >/dev/null`)
	if out != "pinned\nother\nabsent\nplugin\n" || exit.Code != 0 {
		t.Errorf("got %q, %+v", out, exit)
	}
	checks := []images.Check{{Tool: "mine", Version: "1", Command: []string{"mine"}, Want: "pinned"}}
	if err := e.Check(t.Context(), image(t, e).Name, checks); err != nil {
		t.Error(err)
	}
	checks[0].Want = "another"
	if err := e.Check(t.Context(), image(t, e).Name, checks); err == nil || !strings.Contains(err.Error(), `want "another"`) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Start(t.Context(), backend.BoxSpec{Image: image(t, e).Name, Workdir: "/src", Env: []string{"DOCKER_CONFIG=/x"}}); err == nil || !strings.Contains(err.Error(), "DOCKER_CONFIG") {
		t.Errorf("a plugin that would not be found: got %v", err)
	}
}

func TestToolsThatThisMachineCannotServeAreRefused(t *testing.T) {
	e := open(t, someTools{images.Toolset{Identity: strings.Repeat("2", 64), Dests: map[string]string{"far": "/opt/far/bin/far"}, Links: map[string]string{"/opt/far/bin/far": "/bin/true"}}})
	if _, err := e.Image(t.Context(), catalogue.Spec{}); err == nil || !strings.Contains(err.Error(), "tool far: it goes to /opt/far/bin/far") {
		t.Errorf("got %v", err)
	}
	plugins := filepath.Join(t.TempDir(), pluginFolder)
	if err := os.MkdirAll(filepath.Join(plugins, "docker-q"), 0o755); err != nil {
		t.Fatal(err)
	}
	e = open(t, someTools{images.Toolset{Identity: strings.Repeat("3", 64), Hidden: []string{filepath.Join(plugins, "docker-q")}}})
	_, err := e.Image(t.Context(), catalogue.Spec{})
	if u := backend.Untestable(nil); !errors.As(err, &u) || !strings.Contains(u.Error(), "docker-q") {
		t.Errorf("a plugin of the machine's that is to be absent: got %v", err)
	}
	if err := e.Prepare(t.Context(), []catalogue.Spec{{}}); err != nil {
		t.Errorf("one level that cannot be had stops all: %v", err)
	}
	for what, spec := range map[string]backend.BoxSpec{"a socket": {Socket: true}, "an engine": {Dockerd: &backend.DockerdSpec{}}, "a name that leads out": {Name: "../x"}} {
		spec.Image = image(t, open(t, noTools{})).Name
		if box, err := e.Start(t.Context(), spec); err == nil {
			box.Close()
			t.Errorf("%s: started", what)
		}
	}
}
