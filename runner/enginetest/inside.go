package enginetest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"buildbisect/runner"
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

func (s *suite) absentImage(t *testing.T) {
	absent := "sha256:" + strings.Repeat("0", 64)
	start := time.Now()
	box, err := s.engine.Start(t.Context(), runner.BoxSpec{Image: absent, Network: "none", Workdir: "/src"})
	if err == nil {
		box.Close()
		t.Fatal("started")
	}
	if !errors.Is(err, runner.ErrInfrastructure) || !strings.Contains(err.Error(), absent) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %s: was it looked for elsewhere?", took)
	}
}

func (s *suite) environment(t *testing.T) {
	box := s.box(t, runner.BoxSpec{Env: []string{"A=1", "EMPTY=", "ODD=a b='c' $d\nnext", "FROM_IMAGE", "n=5", "code=6", "f=7"}})
	want(t, box, `echo "$A|${EMPTY-unset}|$ODD|${FROM_IMAGE-unset}|$n$code$f"`, "1||a b='c' $d\nnext|unset|567\n")
	want(t, s.box(t, runner.BoxSpec{}), `echo "$FROM_IMAGE ${A-unset}"; id -u; env | sed 's/=.*//' | sort | tr '\n' ' '`,
		"yes unset\n0\nFROM_IMAGE HOME HOSTNAME PATH PWD SHLVL ")
}

func (s *suite) workdir(t *testing.T) {
	want(t, s.box(t, runner.BoxSpec{Workdir: "/a/deep/one"}), "pwd; ls -A", "/a/deep/one\n")
}

func (s *suite) files(t *testing.T) {
	box := s.box(t, runner.BoxSpec{})
	epoch := time.Unix(946684800, 0)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range []struct {
		tar.Header
		text string
	}{
		{tar.Header{Name: "run.sh", Mode: 0o755}, "#!/bin/sh\necho ran"},
		{tar.Header{Name: "plain", Mode: 0o644}, "text"},
		{tar.Header{Name: "dir/", Mode: 0o755, Typeflag: tar.TypeDir}, ""},
		{tar.Header{Name: "dir/with space and é ☃", Mode: 0o600}, "odd"},
		{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "dir/with space and é ☃"}, ""},
		{tar.Header{Name: "dangling", Typeflag: tar.TypeSymlink, Linkname: "/no/such"}, ""},
		{tar.Header{Name: strings.Repeat("long/", 40) + "name", Mode: 0o644}, "deep"},
	} {
		f.ModTime, f.Size, f.Format = epoch, int64(len(f.text)), tar.FormatPAX
		if err := w.WriteHeader(&f.Header); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, f.text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archive := buf.Bytes()
	if err := box.Put(t.Context(), "/src", bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	want(t, box, "./run.sh; cat link; echo; readlink dangling; cat long/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/name",
		"ran\nodd\n/no/such\ndeep")
	want(t, box, "stat -c '%a %u:%g %Y' run.sh plain 'dir/with space and é ☃'", "755 0:0 946684800\n644 0:0 946684800\n600 0:0 946684800\n")

	// A folder that is not there is made; one that is there keeps its mode.
	want(t, box, "mkdir -m 711 /kept", "")
	if err := box.Put(t.Context(), "/kept/new/one", bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	want(t, box, "cat /kept/new/one/plain; echo; stat -c %a /kept /kept/new", "text\n711\n755\n")
}

// givenFiles lays a tree over what the image has in the work folder. The image's link must not lead it elsewhere.
func (s *suite) givenFiles(t *testing.T) {
	for _, workdir := range []string{"/given", "/led"} {
		t.Run(workdir[1:], func(t *testing.T) { s.givenFilesIn(t, workdir) })
	}
}

func (s *suite) givenFilesIn(t *testing.T, workdir string) {
	box := s.box(t, runner.BoxSpec{Workdir: workdir})
	want(t, box, "ls -AF", "file\nfolder/\nkept\nlink@\n")
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
	want(t, box, "find . -type f | sort; ls -A /tmp", "./file/in\n./folder\n./kept\n./link/in\n")
}

// largeTree bounds memory: a tree is streamed, not gathered.
func (s *suite) largeTree(t *testing.T) {
	box := s.box(t, runner.BoxSpec{})
	const size = 64 << 20
	reader, writer := io.Pipe()
	go func() {
		w := tar.NewWriter(writer)
		err := w.WriteHeader(&tar.Header{Name: "large", Mode: 0o644, Size: size})
		for block, n := make([]byte, 1<<20), 0; n < size && err == nil; n += len(block) {
			_, err = w.Write(block)
		}
		writer.CloseWithError(errors.Join(err, w.Close()))
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := box.Put(t.Context(), "/src", reader); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if heap := int64(after.HeapSys) - int64(before.HeapSys); heap > 16<<20 {
		t.Errorf("the heap grew by %d MB", heap>>20)
	}
	want(t, box, "stat -c %s large", fmt.Sprintln(size))
}

func (s *suite) brokenSource(t *testing.T) {
	lost := errors.New("object not found")
	err := s.box(t, runner.BoxSpec{}).Put(t.Context(), "/src", io.MultiReader(bytes.NewReader(make([]byte, 512)), brokenReader{lost}))
	if !errors.Is(err, lost) || errors.Is(err, runner.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func (s *suite) stages(t *testing.T) {
	box := s.box(t, runner.BoxSpec{})
	want(t, box, "echo kept >file; export X=1; cd /", "")
	want(t, box, `pwd; cat file; echo "${X-unset}"`, "/src\nkept\nunset\n")
}

func (s *suite) noNetwork(t *testing.T) {
	want(t, s.box(t, runner.BoxSpec{Network: "none"}), "ls /sys/class/net", "lo\n")
	out, exit := run(t, s.box(t, runner.BoxSpec{Network: "bridge"}), "ls /sys/class/net")
	if exit.Code != 0 || !strings.Contains(out, "eth0") {
		t.Errorf("bridge: got %+v, %q", exit, out)
	}
}
