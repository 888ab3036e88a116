package runnertest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
)

// file is a member of a tar.
type file struct {
	tar.Header
	text string
}

// epoch is when all files of a test were changed.
var epoch = time.Unix(946684800, 0)

func packed(t *testing.T, files ...file) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		f.ModTime, f.Size, f.Format = epoch, int64(len(f.text)), tar.FormatPAX
		if err := w.WriteHeader(&f.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func put(t *testing.T, box backend.Box, dir string, files ...file) {
	t.Helper()
	if err := box.Put(t.Context(), dir, bytes.NewReader(packed(t, files...))); err != nil {
		t.Fatal(err)
	}
}

func (s *suite) files(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	archive := []file{
		{tar.Header{Name: "run.sh", Mode: 0o755}, "#!/bin/sh\necho ran"},
		{tar.Header{Name: "plain", Mode: 0o644}, "text"},
		{tar.Header{Name: "dir/", Mode: 0o755, Typeflag: tar.TypeDir}, ""},
		{tar.Header{Name: "dir/with space and é ☃", Mode: 0o600}, "odd"},
		{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "dir/with space and é ☃"}, ""},
		{tar.Header{Name: "dangling", Typeflag: tar.TypeSymlink, Linkname: "/no/such"}, ""},
		{tar.Header{Name: strings.Repeat("long/", 40) + "name", Mode: 0o644}, "deep"},
		{tar.Header{Name: "closed/", Mode: 0o555, Typeflag: tar.TypeDir}, ""},
		{tar.Header{Name: "closed/in", Mode: 0o444}, "in"},
		{tar.Header{Name: "empty/", Mode: 0o755, Typeflag: tar.TypeDir}, ""},
	}
	put(t, box, "/src", archive...)
	Prints(t, box, "./run.sh; cat link; echo; readlink dangling; cat "+strings.Repeat("long/", 40)+"name", "ran\nodd\n/no/such\ndeep")
	Prints(t, box, "stat -c '%a %Y' run.sh plain 'dir/with space and é ☃' closed closed/in",
		"755 946684800\n644 946684800\n600 946684800\n555 946684800\n444 946684800\n")
	Prints(t, box, "ls -A empty", "")

	// A folder below the work folder is made; one that is there keeps its mode.
	Prints(t, box, "mkdir -m 711 kept", "")
	put(t, box, "/src/kept/new/one", archive...)
	put(t, box, "kept/relative", archive...)
	Prints(t, box, "cat kept/new/one/plain kept/relative/plain; echo; stat -c %a kept kept/new", "texttext\n711\n755\n")
}

// givingWay lays a tree over what an earlier one has left: none of its links may lead a later one elsewhere.
func (s *suite) givingWay(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	Prints(t, box, "mkdir folder elsewhere; echo deep >folder/deep; echo file >file; echo kept >kept; ln -s /tmp out; ln -s elsewhere in", "")
	put(t, box, "/src",
		file{tar.Header{Name: "file/", Typeflag: tar.TypeDir, Mode: 0o755}, ""}, file{tar.Header{Name: "file/in", Mode: 0o644}, ""},
		file{tar.Header{Name: "folder", Mode: 0o644}, ""},
		file{tar.Header{Name: "out/", Typeflag: tar.TypeDir, Mode: 0o755}, ""}, file{tar.Header{Name: "out/runnertest-out", Mode: 0o644}, ""},
		file{tar.Header{Name: "in/", Typeflag: tar.TypeDir, Mode: 0o755}, ""}, file{tar.Header{Name: "in/in", Mode: 0o644}, ""})
	Prints(t, box, "find . -type f | sort; ls -A elsewhere; ls /tmp/runnertest-out 2>/dev/null || true", "./file/in\n./folder\n./in/in\n./kept\n./out/runnertest-out\n")
}

// hostileTar puts names that lead out of the folder: refused, or unpacked inside of it, but never outside.
func (s *suite) hostileTar(t *testing.T) {
	for _, name := range []string{"../../../../../../tmp/runnertest-escaped", "/tmp/runnertest-escaped", "a/../../runnertest-escaped"} {
		box := s.box(t, backend.BoxSpec{})
		err := box.Put(t.Context(), "/src", bytes.NewReader(packed(t, file{tar.Header{Name: name, Mode: 0o644}, "x"})))
		if out, exit := Script(t, box, "ls -d /tmp/runnertest-escaped ../runnertest-escaped 2>/dev/null || true"); out != "" || exit.Code != 0 {
			t.Errorf("%s: %q is there; put said %v", name, out, err)
		}
	}
}

// largeTree bounds memory: a tree is streamed, not gathered.
func (s *suite) largeTree(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
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
	Prints(t, box, "stat -c %s large", fmt.Sprintln(size))
}

func (s *suite) brokenSource(t *testing.T) {
	lost := errors.New("object not found")
	err := s.box(t, backend.BoxSpec{}).Put(t.Context(), "/src", io.MultiReader(bytes.NewReader(make([]byte, 512)), brokenReader{lost}))
	if !errors.Is(err, lost) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func (s *suite) stages(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	Prints(t, box, "echo kept >file; export X=1; umask; umask 077; cd /", "0022\n")
	Prints(t, box, `cat file; echo "${X-unset}"; umask`, "kept\nunset\n0022\n")
}

// filesBack also asks for what a build can leave that no tree has.
func (s *suite) filesBack(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	keeper, ok := backend.As[backend.FileReader](box)
	if !ok {
		t.Fatalf("%T gives no files back", box)
	}
	Prints(t, box, "mkdir -p out/deep; printf 'a\\000b' >out/deep/file; chmod 600 out/deep/file; ln -s /etc/passwd out/link; echo x >one; ln -s out led", "")
	for path, wanted := range map[string][]string{
		"out":      {"out/", "out/deep/", "out/deep/file 600 a\x00b", "out/link -> /etc/passwd"},
		"/src/out": {"out/", "out/deep/", "out/deep/file 600 a\x00b", "out/link -> /etc/passwd"},
		"out/deep": {"deep/", "deep/file 600 a\x00b"},
		"one":      {"one 644 x\n"},
		"led":      {"led -> out"},
	} {
		if got := listed(t, keeper, path); !slices.Equal(got, wanted) {
			t.Errorf("%s: got %q, want %q", path, got, wanted)
		}
	}
	if err := keeper.Get(t.Context(), "absent", io.Discard); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("an absent path: got %v", err)
	}
	full := errors.New("no space left on device")
	if err := keeper.Get(t.Context(), "out", &brokenDisk{full}); !errors.Is(err, full) || errors.Is(err, backend.ErrInfrastructure) {
		t.Errorf("a full disk of ours: got %v", err)
	}
}

func (s *suite) filesBackAfterTimeout(t *testing.T) {
	box := s.box(t, backend.BoxSpec{})
	why := errors.New("the stage took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := NewBeginning()
	go func() {
		<-out.Begun
		cancel(why)
	}()
	if _, err := box.Exec(ctx, "echo kept >file; echo begun; sleep 60", out); !errors.Is(err, why) {
		t.Fatal(err)
	}
	reader, _ := backend.As[backend.FileReader](box)
	if got := listed(t, reader, "file"); !slices.Equal(got, []string{"file 644 kept\n"}) {
		t.Errorf("got %q", got)
	}
}

// listed gives the members of what comes back, sorted: files with mode and content, links with where they
// lead.
func listed(t *testing.T, k backend.FileReader, path string) (list []string) {
	t.Helper()
	var buf bytes.Buffer
	if err := k.Get(t.Context(), path, &buf); err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	for in := tar.NewReader(&buf); ; {
		h, err := in.Next()
		if err == io.EOF {
			slices.Sort(list)
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			list = append(list, fmt.Sprintf("%s %o %s", h.Name, h.Mode&0o777, text))
		case tar.TypeSymlink:
			list = append(list, h.Name+" -> "+h.Linkname)
		default:
			list = append(list, h.Name)
		}
	}
}
