package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/runner/backend"
	"buildbisect/runner/redact"
	"buildbisect/scenarios"
)

// storeroom is a box that gives tars back, by path.
type storeroom struct {
	backend.Box
	files map[string][]tar.Header // Format holds no size of its own: a file's text is its Uname
	err   error
}

func (s storeroom) Get(_ context.Context, path string, w io.Writer) error {
	headers, ok := s.files[path]
	if !ok {
		return fmt.Errorf("copy %s: %w", path, fs.ErrNotExist)
	}
	t := tar.NewWriter(w)
	for _, h := range headers {
		text := h.Uname
		h.Uname = ""
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(text))
		}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := io.CopyN(t, io.MultiReader(strings.NewReader(text), zeros{}), h.Size); err != nil {
			return err
		}
	}
	if s.err != nil {
		return s.err
	}
	return t.Close()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// kept keeps paths of a box in a folder, and returns the folder, the log, and the error.
func kept(t *testing.T, box backend.Box, limit int64, paths ...string) (dir, log string, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run", "artifacts")
	s := &scenarios.Scenario{Artifacts: paths}
	s.Builder.Resources.Artifacts = limit
	lab := &Lab{Scenario: s, Artifacts: func(int) string { return dir }, Secrets: redact.New(map[string]string{"TOKEN": "hunter22"})}
	var text bytes.Buffer
	text.WriteString("the build's own")
	err = lab.keep(t.Context(), box, 7, &counter{w: &text, n: 15, last: 'n'})
	return dir, strings.TrimPrefix(text.String(), "the build's own"), err
}

// tree lists what is in a folder, each file with its mode and text, each link with its target.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			lines = append(lines, name+" -> "+target)
			return err
		}
		text, err := os.ReadFile(path)
		lines = append(lines, fmt.Sprintf("%s %v %s", name, info.Mode(), text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestArtifactsAreKeptAsTheyWereBuilt(t *testing.T) {
	box := storeroom{files: map[string][]tar.Header{
		"out/bin": {
			{Typeflag: tar.TypeDir, Name: "bin/", Mode: 0o755},
			{Name: "bin/tool", Mode: 0o4755, Uname: "#!"},
			{Name: "bin/deep/text", Mode: 0o600, Uname: "words"},
			{Typeflag: tar.TypeLink, Name: "bin/same", Linkname: "bin/tool"},
			{Typeflag: tar.TypeSymlink, Name: "bin/deep/up", Linkname: "../tool"},
		},
		"build.log": {{Name: "build.log", Mode: 0o644, Uname: "done"}},
	}}
	dir, log, err := kept(t, box, 1<<20, "out/bin", "build.log", "absent")
	if err != nil {
		t.Fatal(err)
	}
	want := "build.log -rw-r--r-- done\nout/bin/deep/text -rw-r--r-- words\nout/bin/deep/up -> ../tool\nout/bin/same -rwxr-xr-x #!\nout/bin/tool -rwxr-xr-x #!"
	if got := tree(t, dir); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if log != "\nartifacts: absent: not there\n" {
		t.Errorf("the log says %q", log)
	}
}

func TestHostileArtifactsDoNoHarm(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, log, err := kept(t, storeroom{files: map[string][]tar.Header{"out": {
		{Name: "out/first", Mode: 0o644, Uname: "1"},
		{Name: "../outside", Uname: "x"},
		{Name: "out/../../outside", Uname: "x"},
		{Name: outside, Uname: "x"},
		{Name: "other/file", Uname: "x"},
		{Typeflag: tar.TypeSymlink, Name: "out/absolute", Linkname: outside},
		{Typeflag: tar.TypeSymlink, Name: "out/up", Linkname: "../../../outside"},
		{Typeflag: tar.TypeSymlink, Name: "out/door", Linkname: "."},
		{Name: "out/door/file", Mode: 0o644, Uname: "through a link"},
		{Typeflag: tar.TypeSymlink, Name: "out/round", Linkname: "door/../../../outside"},
		{Typeflag: tar.TypeLink, Name: "out/hard", Linkname: outside},
		{Typeflag: tar.TypeLink, Name: "out/hard", Linkname: "out/../../outside"},
		{Typeflag: tar.TypeChar, Name: "out/null", Devmajor: 1, Devminor: 3},
		{Typeflag: tar.TypeBlock, Name: "out/disk", Devmajor: 8},
		{Typeflag: tar.TypeFifo, Name: "out/pipe"},
		{Name: "out/first", Uname: "twice"},
		{Name: "out/first/below", Uname: "x"},
		{Name: "out/\x1b[2Jclear", Uname: "x"},
		{Name: "out/hunter22", Uname: "x"},
		{Name: "out/" + strings.Repeat("n", 300), Uname: "x"},
		{Name: "out/last", Mode: 0o6777, Uname: "2"},
	}}}, 1<<20, "out")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, dir), "out/door/file -rw-r--r-- through a link\nout/first -rw-r--r-- 1\nout/last -rwxr-xr-x 2"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if text, err := os.ReadFile(outside); string(text) != "mine" || err != nil {
		t.Errorf("outside: %q, %v", text, err)
	}
	beside, err := os.ReadDir(filepath.Dir(dir))
	if len(beside) != 1 || err != nil {
		t.Errorf("beside: %v, %v", beside, err)
	}
	for _, line := range []string{`left out: "../outside": its name has .. in it`, "left out: 13 more"} {
		if !strings.Contains(log, "\nartifacts: "+line+"\n") {
			t.Errorf("%q is not in %q", line, log)
		}
	}
	if strings.ContainsAny(log, "\x1b") || strings.Contains(log, "hunter22") {
		t.Errorf("%q", log)
	}
}

func TestAnArtifactBeyondTheLimitIsCutAndTheNextOnesAreTaken(t *testing.T) {
	const mode, cut = "-rw-r--r-- ", "more than 64KiB (resources.artifacts): cut at %q, which is left out with what follows it in there\n"
	small := tar.Header{Name: "out/small", Mode: 0o644, Uname: "1"}
	last := tar.Header{Name: "out/last", Mode: 0o644, Uname: "2"}
	secret := strings.Repeat("n", tailWidth-len("out/")-4) + "hunter22" // would be clipped in its midst
	var many []tar.Header
	for i := range 100 {
		many = append(many, tar.Header{Name: fmt.Sprintf("out/%02d", i), Mode: 0o644})
	}
	for _, c := range []struct {
		name     string
		out      []tar.Header
		tree, at string // what there is of out, and where it was cut
	}{
		{"one that is larger than all", []tar.Header{small, {Name: "out/big", Size: 1 << 40}, last}, "out/small " + mode + "1\n", "out/big"},
		{"one that is larger than what is left", []tar.Header{small, {Name: "out/big", Size: 61 << 10}, last}, "out/small " + mode + "1\n", "out/big"},
		{"a large one that could go nowhere", []tar.Header{small, {Name: "../big", Size: 1 << 40}, last}, "out/small " + mode + "1\n", "../big"},
		{"several that could go nowhere", []tar.Header{{Name: "../a", Size: 40 << 10}, {Name: "../b", Size: 40 << 10}, last}, "", "../b"},
		{"a large one with a secret", []tar.Header{small, {Name: "out/" + secret, Size: 1 << 40}, last}, "out/small " + mode + "1\n", "out/" + secret[:len(secret)-8] + "***"},
	} {
		box := storeroom{files: map[string][]tar.Header{
			"out":  c.out,
			"more": {{Name: "more", Mode: 0o644, Uname: "3"}},
			"huge": {{Name: "huge", Size: 1 << 40}},
			"log":  {{Name: "log", Mode: 0o644, Uname: "4"}},
		}}
		dir, log, err := kept(t, box, 64<<10, "out", "more", "huge", "log")
		if err != nil {
			t.Fatal(err)
		}
		want := "\nartifacts: out: " + fmt.Sprintf(cut, c.at) + "artifacts: huge: " + fmt.Sprintf(cut, "huge")
		if got, _, _ := strings.Cut(log, "artifacts: left out: "); got != want {
			t.Errorf("%s: the log says\n%q, want\n%q", c.name, got, want)
		}
		if got, want := tree(t, dir), "log "+mode+"4\nmore "+mode+"3\n"+c.tree; got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s: got:\n%s\nwant:\n%s", c.name, got, want)
		}
	}

	dir, log, err := kept(t, storeroom{files: map[string][]tar.Header{"out": many, "log": {{Name: "log"}}}}, 64<<10, "out", "log", "absent")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\nartifacts: out: " + fmt.Sprintf(cut, "out/16") + "artifacts: log: " + fmt.Sprintf(cut, "log") + "artifacts: absent: not there\n"; log != want {
		t.Errorf("too many: the log says\n%q, want\n%q", log, want)
	}
	if got := tree(t, dir); strings.Count(got, "out/") != 16 || strings.Contains(got, "log") {
		t.Errorf("too many:\n%s", got)
	}
}

// breaks is a box whose stream ends within its last file.
type breaks struct{ storeroom }

func (b breaks) Get(ctx context.Context, path string, w io.Writer) error {
	var whole bytes.Buffer
	if err := b.storeroom.Get(ctx, path, &whole); err != nil {
		return err
	}
	if _, err := w.Write(whole.Bytes()[:whole.Len()-1024-512]); err != nil { // a tar's end, and a block
		return err
	}
	return errors.New("gone")
}

func TestNoPartOfAFileIsKeptAsIfItWereWhole(t *testing.T) {
	dir, log, err := kept(t, breaks{storeroom{files: map[string][]tar.Header{"out": {
		{Name: "out/whole", Mode: 0o644, Uname: "1"}, {Name: "out/torn", Size: 4 << 10},
	}}}}, 1<<20, "out")
	if err != nil || tree(t, dir) != "out/whole -rw-r--r-- 1" || log != "\nartifacts: out: could not be read to its end: gone\n" {
		t.Errorf("%q, %v, %s", log, err, tree(t, dir))
	}
}

func TestArtifactsThatCannotBeHadTakeNothingFromTheVerdict(t *testing.T) {
	broken := fmt.Errorf("copy out: the engine is gone: %w", backend.ErrInfrastructure)
	dir, log, err := kept(t, storeroom{err: broken, files: map[string][]tar.Header{"out": {{Name: "out", Mode: 0o644, Uname: "whole"}}}}, 1<<20, "out")
	if err != nil || log != "\nartifacts: out: copy out: the engine is gone: infrastructure\n" || tree(t, dir) != "out -rw-r--r-- whole" {
		t.Errorf("%q, %v, %s", log, err, tree(t, dir))
	}
	if _, log, err = kept(t, struct{ backend.Box }{}, 1<<20, "out"); err != nil || log != "\nartifacts: none can be had from this runner\n" {
		t.Errorf("%q, %v", log, err)
	}
}

func TestAFolderThatTakesNoArtifactsIsNoVerdict(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{Artifacts: []string{"out"}}
	lab := &Lab{Scenario: s, Artifacts: func(int) string { return filepath.Join(file, "artifacts") }}
	err := lab.keep(t.Context(), storeroom{}, 7, &counter{w: io.Discard})
	if err == nil || errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), "artifacts of trial 7: ") || !strings.HasSuffix(err.Error(), "; make room") {
		t.Errorf("%v", err)
	}
}

// FuzzShelf: no stream of bytes, taken for a tar, makes anything outside of the folder, or a link that leads
// there.
func FuzzShelf(f *testing.F) {
	for _, headers := range [][]tar.Header{
		{{Name: "out/a", Uname: "1"}, {Typeflag: tar.TypeSymlink, Name: "out/b", Linkname: "../../outside"}, {Name: "../outside", Uname: "x"}},
		{{Typeflag: tar.TypeSymlink, Name: "out/a", Linkname: "b/.."}, {Typeflag: tar.TypeSymlink, Name: "out/b", Linkname: ".."}, {Typeflag: tar.TypeLink, Name: "out/c", Linkname: "out/a"}},
		{{Typeflag: tar.TypeDir, Name: "out/"}, {Name: "out/./x//y", Uname: "1"}, {Typeflag: tar.TypeSymlink, Name: "out", Linkname: "x"}},
	} {
		var stream bytes.Buffer
		if err := (storeroom{files: map[string][]tar.Header{"d/out": headers}}).Get(f.Context(), "d/out", &stream); err != nil {
			f.Fatal(err)
		}
		f.Add(stream.Bytes())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		top := t.TempDir()
		if err := os.WriteFile(filepath.Join(top, "outside"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(top, "run", "artifacts")
		s, err := newArtifactFolder(dir, 1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.root.Close()
		if err := s.take("d/out", bytes.NewReader(stream)); errors.Is(err, errArtifactFolder) {
			t.Fatal(err)
		}
		s.link()
		if text, err := os.ReadFile(filepath.Join(top, "outside")); string(text) != "mine" || err != nil {
			t.Fatalf("outside is %q, %v", text, err)
		}
		for parent, alone := range map[string]string{top: "outside run", filepath.Dir(dir): "artifacts", dir: "d"} {
			entries, err := os.ReadDir(parent)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.Contains(" "+alone+" ", " "+e.Name()+" ") {
					t.Fatalf("%s appeared in %s", e.Name(), parent)
				}
			}
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if kind := d.Type(); kind&^(fs.ModeDir|fs.ModeSymlink) != 0 {
				t.Fatalf("%s is %v", path, kind)
			}
			if d.Type()&fs.ModeSymlink == 0 {
				return nil
			}
			if to, err := filepath.EvalSymlinks(path); err == nil && to != dir && !strings.HasPrefix(to, dir+"/") {
				t.Fatalf("%s leads to %s", path, to)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
