package checkout

import (
	"archive/tar"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

// unpack writes a commit's tar into a new folder, times included, as an engine does.
func unpack(t testing.TB, s *Source, commit string) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteTar(t.Context(), commit, &b); err != nil {
		t.Fatal(err)
	}
	return unpackTar(t, &b)
}

func unpackTar(t testing.TB, b io.Reader) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unpacked")
	untar(t, b, dir)
	return dir
}

// untar writes a tar's files into a new folder, and looks at whose they are and of when.
func untar(t testing.TB, b io.Reader, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(b); ; {
		h, err := in.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Before(FileTime()) || h.ModTime.Sub(FileTime()).Seconds() > 1 {
			t.Errorf("%s: owner %d:%d, time %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		path := filepath.Join(dir, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.Mkdir(path, os.FileMode(h.Mode))
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		default:
			var content []byte
			if content, err = io.ReadAll(in); err == nil {
				err = os.WriteFile(path, content, os.FileMode(h.Mode))
			}
			if err == nil {
				err = os.Chtimes(path, h.ModTime, h.ModTime)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// contents lists a tar's entries but for .git: name, kind, mode, and content or target.
func contents(t testing.TB, in io.Reader) []string {
	t.Helper()
	var all []string
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			slices.Sort(all)
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		kind, executable := h.Typeflag, h.Mode&0o100 != 0
		all = append(all, fmt.Sprintf("%s %c %v %q %x", h.Name, kind, executable || kind == tar.TypeSymlink, h.Linkname, content))
	}
}

// awkward makes a repository with all that is hard about files.
func awkward(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	long := strings.Repeat("very-long-name-", 16)      // 240 bytes
	large := strings.Repeat("0123456789abcdef", 9<<16) // 9 MiB: streamed
	if testing.Short() {
		large = large[:1<<20] // git alone takes a second for the rest
	}
	gittest.WriteFiles(t, dir, map[string]string{
		"empty":                           "",
		"with space and\ttab":             "x",
		"naïve/日本語":                       "text\n",
		"bytes\xff\xfe":                   "not UTF-8 in its name",
		"quote\"back\\slash":              "x",
		long + ".file":                    "a name above 100 bytes",
		long + "/" + long + "/deep":       "a path above 255 bytes",
		"run.sh":                          "#!/bin/sh\n",
		"a/b":                             "1",
		"a.b":                             "2: sorts between a and a/b to git",
		"a-b":                             "3",
		"large":                           large,
		"large2":                          large + "and a delta of it",
		"dos.txt":                         "one\r\ntwo\r\n",
		".gitattributes":                  "not-exported export-ignore\n",
		"not-exported":                    "exported all the same",
		"lfs.bin":                         "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
		"-dash":                           "x",
		"folder/.hidden":                  "x",
		"folder/new\nline":                "x",
		"random-but-incompressible-block": string(noise(300_000)),
	})
	for name, target := range map[string]string{"link": "run.sh", "folder/up": "../a/b", "absolute": "/etc/passwd", "dangling": strings.Repeat("x", 150), "föö": "naïve"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "-q", "-m", "awkward")
	return dir
}

func noise(n int) []byte {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

func TestATarHoldsWhatGitArchiveHoldsAndNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	dir := awkward(t)
	gittest.Run(t, dir, "config", "core.attributesFile", "/dev/null")
	gittest.WriteFiles(t, filepath.Join(dir, ".git", "info"), map[string]string{"attributes": "not-exported -export-ignore\n"}) // for git archive alone
	archive := gittest.Run(t, dir, "archive", "--format=tar", "HEAD")
	want := contents(t, strings.NewReader(archive+"\n"))
	for _, packed := range []bool{false, true} {
		if packed {
			gittest.Run(t, dir, "gc", "-q")
		}
		r := opened(t, dir)
		s := NewSource(r, SourceOptions{})
		var b bytes.Buffer
		if err := s.WriteTar(t.Context(), resolved(t, r, "HEAD").ID, &b); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, &b); !slices.Equal(got, want) {
			t.Errorf("packed %v: the tar differs from git archive's:\n%.2000q\n%.2000q", packed, got, want)
		}
		if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0], "lfs.bin") {
			t.Errorf("warnings %v", w)
		}
	}
}

func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := awkward(t)
	gittest.Run(t, dir, "tag", "-a", "-m", "one", "v1")
	var first []byte
	rounds := gittest.Fewer(4)
	for i := range rounds {
		if i == rounds/2 {
			gittest.Run(t, dir, "gc", "-q")
		}
		r := opened(t, dir)
		s := NewSource(r, SourceOptions{Git: true})
		for range 2 {
			var b bytes.Buffer
			id := resolved(t, r, "HEAD").ID
			key, err := s.Shared(t.Context(), []string{id})
			if err == nil {
				err = s.WriteTarWith(t.Context(), id, key, "/shared", &b)
			}
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b.Bytes()
			}
			if !bytes.Equal(b.Bytes(), first) {
				t.Fatalf("round %d differs", i)
			}
		}
	}
}

func TestTreesTellApartWhatBuildsTellApart(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 2)
	gittest.Run(t, dir, "commit", "-q", "--allow-empty", "-m", "3")
	r := opened(t, dir)
	two, three := resolved(t, r, "v2").ID, resolved(t, r, "HEAD").ID
	for _, git := range []bool{false, true} {
		s := NewSource(r, SourceOptions{Git: git})
		a, err := s.Tree(t.Context(), two)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Tree(t.Context(), three)
		if err != nil {
			t.Fatal(err)
		}
		if (a == b) == git {
			t.Errorf("git %v: trees %s and %s", git, a, b)
		}
	}
	if _, err := NewSource(r, SourceOptions{}).Tree(t.Context(), "HEAD"); err == nil {
		t.Error("a name was taken for an id")
	}
}

func TestHostileNamesAreRefusedBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	r := opened(t, gittest.Line(t, 1))
	blob := plumbing.NewHash(gittest.Run(t, r.WorkTree, "rev-parse", "HEAD:number"))
	tree := plumbing.NewHash(gittest.Run(t, r.WorkTree, "rev-parse", "HEAD:folder"))
	entry := func(mode, name string, id plumbing.Hash) string { return mode + " " + name + "\x00" + string(id[:]) }
	for _, c := range []struct{ raw, want string }{
		{entry("100644", "..", blob), "leave its folder"},
		{entry("100644", ".", blob), "leave its folder"},
		{entry("100644", "a/b", blob), "slash"},
		{entry("100644", "/etc", blob), "slash"},
		{entry("40000", ".git", tree), "repository's own"},
		{entry("40000", ".GiT", tree), "repository's own"},
		{entry("100644", "", blob), "empty"},
		{entry("100644", strings.Repeat("n", 256), blob), "longer than 255 bytes"},
		{entry("120000", "x", blob) + entry("40000", "x", tree), "twice"},
	} {
		for _, nested := range []bool{false, true} {
			id := hashObject(t, r.WorkTree, plumbing.TreeObject, c.raw)
			if nested {
				id = hashObject(t, r.WorkTree, plumbing.TreeObject, entry("40000", "sub", plumbing.NewHash(id)))
			}
			commit := hashObject(t, r.WorkTree, plumbing.CommitObject, "tree "+id+"\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nhostile\n")
			var b bytes.Buffer
			err := NewSource(opened(t, r.WorkTree), SourceOptions{}).WriteTar(t.Context(), commit, &b)
			if err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
				t.Errorf("%q: %v after %d bytes, want %q", c.raw, err, b.Len(), c.want)
			}
		}
	}
}

func TestPathsNoFileSystemTakesAreRefused(t *testing.T) {
	t.Parallel()
	r := opened(t, gittest.Line(t, 1))
	id := gittest.Run(t, r.WorkTree, "rev-parse", "HEAD:folder")
	for range 20 {
		of := plumbing.NewHash(id)
		id = hashObject(t, r.WorkTree, plumbing.TreeObject, "40000 "+strings.Repeat("n", 250)+"\x00"+string(of[:]))
	}
	commit := hashObject(t, r.WorkTree, plumbing.CommitObject, "tree "+id+"\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\ndeep\n")
	var refused *git.HostileTreeError
	if err := NewSource(opened(t, r.WorkTree), SourceOptions{}).WriteTar(t.Context(), commit, io.Discard); !errors.As(err, &refused) || !strings.Contains(err.Error(), "longer than 3900 bytes") {
		t.Errorf("got %.300v", err)
	}
}

// hashObject stores an object that git itself would refuse to make.
func hashObject(t testing.TB, dir string, kind plumbing.ObjectType, content string) string {
	t.Helper()
	id := plumbing.ComputeHash(kind, []byte(content)).String()
	var b strings.Builder
	z := zlib.NewWriter(&b)
	fmt.Fprintf(z, "%s %d\x00%s", kind, len(content), content)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	gittest.WriteFiles(t, filepath.Join(dir, ".git", "objects", id[:2]), map[string]string{id[2:]: b.String()})
	return id
}

func TestACancelledTarStops(t *testing.T) {
	t.Parallel()
	r := opened(t, gittest.Line(t, 1))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the user left")
	cancel(cause)
	if err := NewSource(r, SourceOptions{}).WriteTar(ctx, resolved(t, r, "HEAD").ID, io.Discard); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestTarsAreWrittenAtTheSameTime(t *testing.T) {
	t.Parallel()
	dir := gittest.Line(t, 8)
	gittest.Run(t, dir, "gc", "-q")
	r := opened(t, dir)
	s := NewSource(r, SourceOptions{Git: true})
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 16 {
		id := resolved(t, r, fmt.Sprint("v", i%8+1)).ID
		group.Go(func() error { return s.WriteTar(ctx, id, io.Discard) })
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
