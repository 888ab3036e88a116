package enginetest

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/runner/runnertest"
)

func (s *suite) loadingAgain(t *testing.T) {
	start := time.Now()
	id, err := s.engine.Load(t.Context(), s.image)
	if err != nil || id != s.id {
		t.Errorf("got %q, %v, want %q", id, err, s.id)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}

// environment asks for the image's, and for root whatever the image says.
func (s *suite) environment(t *testing.T) {
	runnertest.Prints(t, s.box(t, backend.BoxSpec{}), `echo "$FROM_IMAGE"; id -u; env | sed 's/=.*//' | sort | tr '\n' ' '`,
		"yes\n0\nFROM_IMAGE HOME HOSTNAME PATH PWD SHLVL ")
}

func (s *suite) workdir(t *testing.T) {
	runnertest.Prints(t, s.box(t, backend.BoxSpec{Workdir: "/a/deep/one"}), "pwd; ls -A", "/a/deep/one\n")
}

// elsewhere puts files outside of the work folder.
func (s *suite) elsewhere(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	runnertest.Prints(t, box, "mkdir -m 711 /kept", "")
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "plain", Mode: 0o644, Size: 4}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "text")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := box.Put(t.Context(), "/kept/new/one", &buf); err != nil {
		t.Fatal(err)
	}
	// A folder that is not there is made; one that is there keeps its mode.
	runnertest.Prints(t, box, "cat /kept/new/one/plain; echo; stat -c '%a %u:%g' /kept /kept/new /kept/new/one/plain", "text\n711 0:0\n755 0:0\n644 0:0\n")
}

// givenFiles lays a tree over what the image has in the work folder. The image's link must not lead it
// elsewhere.
func (s *suite) givenFiles(t *testing.T) {
	for _, workdir := range []string{"/given", "/led"} {
		t.Run(workdir[1:], func(t *testing.T) { s.givenFilesIn(t, workdir) })
	}
}

func (s *suite) givenFilesIn(t *testing.T, workdir string) {
	box := s.box(t, backend.BoxSpec{Workdir: workdir})
	runnertest.Prints(t, box, "ls -AF", "file\nfolder/\nkept\nlink@\n")
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []tar.Header{
		{Name: "file/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "file/in", Mode: 0o644},
		{Name: "folder", Mode: 0o644},
		{Name: "link/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "link/in", Mode: 0o644},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := box.Put(t.Context(), workdir, &buf); err != nil {
		t.Fatal(err)
	}
	runnertest.Prints(t, box, "find . -type f | sort; ls -A /tmp", "./file/in\n./folder\n./kept\n./link/in\n")
}

func (s *suite) noNetwork(t *testing.T) {
	runnertest.Prints(t, s.box(t, backend.BoxSpec{Network: "none"}), "ls /sys/class/net", "lo\n")
	out, exit := runnertest.Script(t, s.box(t, backend.BoxSpec{Network: "bridge"}), "ls /sys/class/net")
	if exit.Code != 0 || !strings.Contains(out, "eth0") {
		t.Errorf("bridge: got %+v, %q", exit, out)
	}
}
