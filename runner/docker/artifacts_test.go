package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"buildbisect/runner/backend"
)

// entries lists a tar as "type name -> link".
func entries(t *testing.T, archive []byte) (list []string) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			slices.Sort(list)
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimSuffix(string(h.Typeflag)+" "+h.Name+" -> "+h.Linkname, " -> "))
	}
}

func TestGetGivesFilesAsTheBuildLeftThem(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{})
	try(t, b, `mkdir -p out/deep /elsewhere; echo text >out/deep/file; ln -s /etc/passwd out/link; ln -s ../../.. out/up; mkfifo out/pipe
printf x >"out/"$'new\nline'; printf x >'out/..evil'; printf x >'out/ -rf'; echo other >/elsewhere/file; ln -s /elsewhere led`)
	get := func(path string) []string {
		t.Helper()
		var archive bytes.Buffer
		if err := b.Get(t.Context(), path, &archive); err != nil {
			t.Fatal(err)
		}
		return entries(t, archive.Bytes())
	}
	check := func() {
		t.Helper()
		if got, want := get("out"), []string{"0 out/ -rf", "0 out/..evil", "0 out/deep/file", "0 out/new\nline", "2 out/link -> /etc/passwd", "2 out/up -> ../../..",
			"5 out/", "5 out/deep/", "6 out/pipe"}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if got := get("/elsewhere/file"); !slices.Equal(got, []string{"0 file"}) {
			t.Errorf("got %q", got)
		}
		// A link at the end is a link; one on the way leads on, within the box.
		if got := get("led"); !slices.Equal(got, []string{"2 led -> /elsewhere"}) {
			t.Errorf("got %q", got)
		}
		if got := get("led/file"); !slices.Equal(got, []string{"0 file"}) {
			t.Errorf("got %q", got)
		}
		if err := b.Get(t.Context(), "out/none", io.Discard); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("got %v", err)
		}
	}
	check()
	if err := b.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestGetTellsItsErrorsApart(t *testing.T) {
	b := breakout(t, connect(t), backend.BoxSpec{})
	try(t, b, "head -c 5M /dev/zero >file")
	full := errors.New("no space left on device")
	if err := b.Get(t.Context(), "file", &brokenWriter{full}); err != full {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	cancel(why)
	if err := b.Get(ctx, "file", io.Discard); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Get(t.Context(), "file", io.Discard); !errors.Is(err, backend.ErrInfrastructure) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{ err error }

func (b *brokenWriter) Write([]byte) (int, error) { return 0, b.err }
