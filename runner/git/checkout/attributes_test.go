package checkout

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"buildbisect/runner/git/gittest"
)

// attrWorld makes random commits whose files depend on their attributes.
type attrWorld struct{ rng *rand.Rand }

func (w attrWorld) one(of ...string) string { return of[w.rng.IntN(len(of))] }

// text is content that conversions are sensitive to.
func (w attrWorld) text() string {
	var b strings.Builder
	ends := []string{"\n", "\n", "\n", "\r\n", "\r", "\n\n", "\r\r\n", ""}
	if w.rng.IntN(2) == 0 {
		ends = ends[w.rng.IntN(4):][:1]
	}
	for range w.rng.IntN(6) {
		for range w.rng.IntN(4) {
			b.WriteString(w.one("a", "word ", "é", "Ünï", "日本", "€", "\ufeff", "\t", "$", "$Id$", "$Id$", "$Id: $", "$Id:$", "$Id: 0123 $", "$Id:x$", "$Id: a b c $", "$Id: x.c,v 1.1 me $", "$Id",
				"$Id: ", "$$Id$", "$Idx", "Id$", "$I", "$Id:\x00 $", "$Id: a\tb$", strings.Repeat("x", 200)))
			if w.rng.IntN(20) == 0 {
				b.WriteString(w.one("\x00", "\x01", "\xff", "\x7f", "\xed\xa0\x80", "\x1a", "$Id\x00", "\xc3"))
			}
		}
		b.WriteString(ends[w.rng.IntN(len(ends))])
	}
	if w.rng.IntN(15) == 0 {
		b.WriteString("\x1a")
	}
	return b.String()
}

// rules is a .gitattributes file.
func (w attrWorld) rules(top bool) string {
	var b strings.Builder
	if w.rng.IntN(12) == 0 {
		b.WriteString("\ufeff")
	}
	for range 1 + w.rng.IntN(6) {
		switch {
		case top && w.rng.IntN(4) == 0, w.rng.IntN(15) == 0:
			b.WriteString("[attr]" + w.one("", " ") + w.one("win", "enc", "binary", "nest", "bad-", "-no", "text"))
		default:
			b.WriteString(w.one("", " ", "\t") + w.one("*", "*", "*.txt", "*.TXT", "a.txt", "/a.txt", "sub/*.txt", "sub/**", "**/a.txt", "**", "/sub", "sub/", "deep/*/a.txt", "deep/**/a.txt", "dee**/a.txt", "**/deep/**",
				"[ab].txt", "[!a]*", "[[:alpha:]].txt", "b?txt", `\a.txt`, `"with space.txt"`, `"\141.txt"`, `"a.txt`, "!a.txt", "x\\", "a[", "*.c", "*/b.c", "[attr]", "#no", "with", "?.?", "s*/a*", "sub/inner"))
		}
		for range 1 + w.rng.IntN(3) {
			b.WriteString(w.one(" ", " ", "\t", "  ") + w.one("text", "-text", "!text", "text=auto", "text=auto", "text=input", "text=odd", "crlf", "-crlf", "crlf=input", "crlf=auto", "eol=crlf", "eol=crlf", "eol=crlf", "eol=lf",
				"eol", "-eol", "!eol", "ident", "ident", "-ident", "!ident", "ident=x", "binary", "-binary", "!binary", "win", "win", "-win", "enc", "nest", "filter=lfs", "diff", "-diff=x", "bad name", "=x", "é",
				"working-tree-encoding=UTF-16", "working-tree-encoding=utf-16le-bom", "working-tree-encoding=UTF-16BE", "working-tree-encoding=latin1", "working-tree-encoding=UTF-8", "working-tree-encoding=utf8",
				"working-tree-encoding=windows-1252", "working-tree-encoding=UTF32", "working-tree-encoding=nonsense", "working-tree-encoding=", "-working-tree-encoding", w.one("text", "text", "text", "text", "working-tree-encoding"), "!working-tree-encoding", "export-ignore", "export-subst"))
		}
		b.WriteString(w.one("\n", "\n", "\n", "\r\n", " \n"))
		if w.rng.IntN(40) == 0 {
			b.WriteString(strings.Repeat("y", 2100) + " eol=crlf\n")
		}
	}
	return b.String()
}

// commits is fast-import text of n commits, each with files of its own.
func (w attrWorld) commits(n int) string {
	var b strings.Builder
	file := func(mode, name, content string) {
		fmt.Fprintf(&b, "M %s inline %s\ndata %d\n%s\n", mode, name, len(content), content)
	}
	for range n {
		b.WriteString("commit refs/heads/main\ncommitter C <c@example.com> 1000000000 +0000\ndata 0\ndeleteall\n")
		for _, dir := range []string{"", "sub/", "sub/inner/", "deep/er/", "deep/er/est/"} {
			if dir == "" || w.rng.IntN(3) == 0 {
				file(w.one("100644", "100644", "100755"), dir+".gitattributes", w.rules(dir == ""))
			}
			for _, name := range []string{"a.txt", "b.txt", "b.c", "-first", `"with space.txt"`, "x", "z.txt"} {
				if name = dir + name; strings.HasSuffix(name, `"`) {
					name = `"` + dir + "with space.txt" + `"`
				}
				if w.rng.IntN(3) > 0 {
					file(w.one("100644", "100644", "100755"), name, w.text())
				}
			}
		}
		file("120000", "link", "a.txt")
		if w.rng.IntN(8) == 0 {
			file("120000", "sub/.gitattributes", "* eol=crlf")
		}
	}
	return b.String()
}

// checkedOut lists the files of a work tree as [contents] lists those of a tar, less what stands before a
// file's content.
func checkedOut(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case name == ".git":
			return filepath.SkipDir
		case info.IsDir():
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all[name] = "link " + target
			return err
		default:
			content, err := os.ReadFile(path)
			all[name] = fmt.Sprintf("file %v %q", info.Mode()&0o100 != 0, content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFilesAreThoseOfACheckout compares random commits, whose attributes are nested, and whose files are of
// all kinds, with a checkout by git in a fresh clone. BISECT_ATTRIBUTES is how many.
func TestFilesAreThoseOfACheckout(t *testing.T) {
	t.Parallel()
	n := 240
	if more, err := strconv.Atoi(os.Getenv("BISECT_ATTRIBUTES")); err == nil {
		n = more
	} else if testing.Short() {
		n = 60
	}
	seed := uint64(11)
	w := attrWorld{rand.New(rand.NewPCG(seed, 0))}
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	if out, err := gittest.Try(t, dir, w.commits(n), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	r := opened(t, dir)
	source := NewSource(r, SourceOptions{})
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", "-n", dir, clone)
	files, converted, refused, statuses := 0, 0, 0, 0
	for _, id := range strings.Fields(gittest.Run(t, dir, "rev-list", "main")) {
		// Each commit as a clone checks it out first: files that stay from one to the next would not be
		// written anew.
		empty(t, clone)
		_, checkoutErr := gittest.Try(t, clone, "", "checkout", "-q", "-f", "--detach", id)
		var b bytes.Buffer
		err := source.WriteTar(t.Context(), id, &b)
		if (err != nil) != (checkoutErr != nil) {
			t.Fatalf("%s: %v, git: %v", id, err, checkoutErr)
		}
		if err != nil {
			refused++
			continue
		}
		stored, _, err := source.list(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got := checkedOut(t, unpackTar(t, &b))
		want := checkedOut(t, clone)
		for _, f := range stored {
			content, _, err := r.Objects.Read(plumbing.BlobObject, f.id)
			if err == nil && f.mode != filemode.Symlink && !strings.HasSuffix(want[f.path], fmt.Sprintf("%q", content)) {
				converted++
			}
		}
		for name, content := range want {
			files++
			if got[name] != content {
				t.Errorf("commit %s, %s: %.300s\ngit has %.300s\nattributes %s", id, name, got[name], content, gittest.Run(t, clone, "check-attr", "-a", "--", name))
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files, git has %d", id, len(got), len(want))
		}
		if t.Failed() {
			return
		}
		if statuses < n/20 {
			statuses++
			box := unpack(t, NewSource(r, SourceOptions{Git: true}), id)
			if out := gittest.Run(t, box, "status", "--porcelain"); out != "" {
				t.Errorf("%s: git status in a box says %s", id, out)
			}
		}
	}
	t.Logf("seed %d: %d commits, %d files, %d of them converted; %d commits that git refuses; git status in %d boxes", seed, n, files, converted, refused, statuses)
	if converted < files/20 {
		t.Errorf("%d of %d files are converted: too few to show anything", converted, files)
	}
}

// empty removes the files and the index of a clone.
func empty(t testing.TB, clone string) {
	t.Helper()
	entries, err := os.ReadDir(clone)
	for _, e := range entries {
		if e.Name() != ".git" && err == nil {
			err = os.RemoveAll(filepath.Join(clone, e.Name()))
		}
	}
	if err == nil {
		err = os.RemoveAll(filepath.Join(clone, ".git", "index"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLargeFilesAreConvertedAsTheyStream(t *testing.T) {
	t.Parallel()
	line := "a line of text, $Id$ and Ünï\n"
	size := 9 << 20 // above what is held, of a blob or in memory
	if testing.Short() {
		size = heldAtMost + 1000
	}
	text := strings.Repeat(line, size/len(line)+1)
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	gittest.WriteFiles(t, dir, map[string]string{
		".gitattributes": "* ident\n*.crlf text eol=crlf\n*.auto text=auto eol=crlf\n*.u16 text working-tree-encoding=UTF-16\n*.latin1 working-tree-encoding=latin1\n",
		"a.crlf":         text, "a.auto": text, "b.auto": text + "\x00", "plain": text,
	})
	gittest.Run(t, dir, "add", "-A")
	blob := gittest.Run(t, dir, "rev-parse", ":plain")
	for _, name := range []string{"a.u16", "a.latin1", "b.latin1"} { // stored in UTF-8, not all of it in latin1
		if name == "b.latin1" {
			gittest.WriteFiles(t, dir, map[string]string{"plain": text + "日本"})
			gittest.Run(t, dir, "add", "plain")
			blob = gittest.Run(t, dir, "rev-parse", ":plain")
		}
		gittest.Run(t, dir, "update-index", "--add", "--cacheinfo", "100644,"+blob+","+name)
	}
	gittest.Run(t, dir, "commit", "-q", "-m", "large")
	clone := filepath.Join(t.TempDir(), "clone")
	gittest.Run(t, dir, "clone", "-q", dir, clone)
	r := opened(t, dir)
	source := NewSource(r, SourceOptions{})
	got := checkedOut(t, unpack(t, source, resolved(t, r, "HEAD").ID))
	for name, content := range checkedOut(t, clone) {
		if got[name] != content {
			t.Errorf("%s: %d bytes and not what git writes, %d", name, len(got[name]), len(content))
		}
	}
	if w := source.Warnings(); len(w) != 1 || !strings.Contains(w[0], `1 file is kept in UTF-8 although working-tree-encoding says "latin1"`) || !strings.HasSuffix(w[0], ": b.latin1") {
		t.Errorf("warnings %q", w)
	}
}
