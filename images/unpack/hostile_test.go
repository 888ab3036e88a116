package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAHostileArchiveIsAnErrorThatNamesTheMember(t *testing.T) {
	for _, test := range []struct {
		why     string
		entries []entry
		member  string
		want    string
	}{
		{"parent", []entry{file("../x", "")}, "../x", "has .. in it"},
		{"parent within", []entry{file("a/../../x", "")}, "a/../../x", "has .. in it"},
		{"parent at the end", []entry{dir("a/..")}, "a/..", "has .. in it"},
		{"outside of the folder asked for", []entry{file("../etc/passwd", "")}, "../etc/passwd", "has .. in it"},
		{"absolute", []entry{file("/etc/passwd", "")}, "/etc/passwd", "absolute"},
		{"long", []entry{file(strings.Repeat("a/", 2100)+"x", "")}, "a/a/a", "more than a name can have"},
		{"twice", []entry{file("t/x", "1"), file("t/x", "2")}, "t/x", "there twice"},
		{"twice under two names", []entry{file("t/./x", "1"), file("t//x", "2")}, "t/", "there twice"},
		{"file, then folder", []entry{file("t/x", ""), dir("t/x")}, "t/x", "there twice"},
		{"folder, then file", []entry{dir("t/x"), file("t/x", "")}, "t/x", "there twice"},
		{"file as a folder", []entry{file("t/x", ""), file("t/x/y", "")}, "t/x/y", `below "t/x", which is no folder`},
		{"folder, then link", []entry{file("t/x/y", ""), link("t/x", "/")}, "t/x", "there twice"},
		{"link out", []entry{link("t/x", "../../etc")}, "t/x", `a link to "../../etc", which leads out`},
		{"link to the folder's side", []entry{file("u/x", ""), link("t/x", "../u/x")}, "t/x", "leads out"},
		{"absolute link", []entry{link("t/x", "/etc/passwd")}, "t/x", "leads out"},
		{"below a link", []entry{link("t/x", "y"), file("t/x/z", "")}, "t/x/z", `below "t/x", which is no folder`},
		{"by a link to a link", []entry{link("t/a/b/up", "../.."), link("t/out", "a/b/up/../x")}, "t/out", "is not known"},
		{"link to nothing", []entry{link("t/x", "")}, "t/x", "link to nothing"},
		{"fifo", []entry{{tar.TypeFifo, "t/x", "", 0}}, "t/x", "a named pipe"},
	} {
		for form, content := range map[string][]byte{"tar": tarOf(t, test.entries...), "zip": zipOf(t, test.entries...)} {
			t.Run(test.why+" "+form, func(t *testing.T) {
				if form == "zip" && slices.Contains([]string{"folder, then link", "file, then folder", "folder, then file"}, test.why) {
					t.Skip("a zip is read by name, so that this is another case")
				}
				a := archive(t, content)
				_, err := list(t, a, "t")
				wantError(t, err, a.Path, `"`+test.member, test.want)
			})
		}
	}
}

func TestWhatOnlyATarCanHaveIsAnErrorToo(t *testing.T) {
	for _, test := range []struct {
		entries []entry
		want    string
	}{
		{[]entry{{tar.TypeChar, "t/null", "", 0}}, "a device"},
		{[]entry{{tar.TypeBlock, "t/sda", "", 0}}, "a device"},
		{[]entry{{'V', "t/label", "", 0}}, "unknown kind 'V'"},
		{[]entry{hard("t/x", "/etc/passwd")}, `hard link to "/etc/passwd"`},
		{[]entry{hard("t/x", "../etc/passwd")}, `hard link to "../etc/passwd"`},
		{[]entry{hard("t/x", "t/later"), file("t/later", "")}, `hard link to "t/later"`},
		{[]entry{file("u/x", ""), hard("t/x", "u/x")}, `hard link to "u/x"`},
		{[]entry{link("t/y", "z"), hard("t/x", "t/y")}, `hard link to "t/y"`},
	} {
		a := archive(t, tarOf(t, test.entries...))
		_, err := list(t, a, "t")
		wantError(t, err, a.Path, "member", test.want)
	}
}

func TestWhatOnlyAZipCanHaveIsAnErrorToo(t *testing.T) {
	for _, test := range []struct {
		entry
		want string
	}{
		{file("t/a\x00b", ""), "a NUL in it"},
		{link("t/a", "b\x00c"), "a NUL in it"},
		{link("t/a", strings.Repeat("b", 5000)), "longer than one can be"},
		{file("", ""), "no name"},
	} {
		a := archive(t, zipOf(t, test.entry))
		_, err := list(t, a, "t")
		wantError(t, err, a.Path, "member", test.want)
	}
	locked := zipOf(t, file("t/a", "secret"))
	for _, mark := range []string{"PK\x03\x04", "PK\x01\x02"} {
		i := bytes.Index(locked, []byte(mark)) + 6
		if mark == "PK\x01\x02" {
			i += 2
		}
		locked[i] |= 1
	}
	_, err := list(t, archive(t, locked), "t")
	wantError(t, err, `member "t/a"`, "encrypted")
}

// Links to anywhere are common in the files of a distribution, and do not keep one file of them from being
// read.
func TestLinksElsewhereDoNotMatterToAMember(t *testing.T) {
	var out strings.Builder
	a := archive(t, tarOf(t, link("etc/alternatives/awk", "/usr/bin/mawk"), file("usr/bin/mawk", "elf")))
	if err := a.Member(t.Context(), "usr/bin/mawk", &out); err != nil || out.String() != "elf" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestTooMuchIsAnError(t *testing.T) {
	zeros := string(make([]byte, 1<<20))
	forms := map[string][]byte{
		"tar":    tarOf(t, file("a", zeros)),
		"zip":    zipOf(t, file("a", zeros)),
		"sparse": sparse(t, 1<<30),
		"many":   tarOf(t, slices.Repeat([]entry{dir("b")}, 2000)...),
	}
	for name, compress := range compressed {
		forms["tar "+name] = compress(t, forms["tar"])
		forms["single "+name] = compress(t, []byte(zeros))
	}
	for name, content := range forms {
		a := archive(t, content)
		a.Limit = 1_000_000
		member := "a"
		if strings.HasPrefix(name, "single") {
			member = ""
		}
		written := new(counter)
		err := a.Member(t.Context(), member, written)
		wantError(t, err, a.Path, "more than the 1000000 bytes")
		if int64(*written) > a.Limit {
			t.Errorf("%s: %d bytes were written", name, *written)
		}
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func TestAnAbsurdSizeIsTooMuch(t *testing.T) {
	for _, size := range []uint64{math.MaxInt64, 1 << 63, math.MaxUint64} {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		if f, err := w.Create("a"); err != nil {
			t.Fatal(err)
		} else if _, err := io.WriteString(f, "of some size"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.CreateRaw(&zip.FileHeader{Name: "b", UncompressedSize64: size}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := list(t, archive(t, out.Bytes()), "")
		wantError(t, err, `member "b"`, "more than the 4294967296 bytes")
	}
	// A zstd frame that wants 256 MiB of memory for its one block of nothing.
	a := archive(t, []byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"))
	wantError(t, a.Member(t.Context(), "", io.Discard), a.Path, "window size")
}

func TestASparseFileIsAFile(t *testing.T) {
	got, err := list(t, archive(t, sparse(t, 8)), "")
	if want := "0 644 a " + string(make([]byte, 8)) + "\n"; got != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// sparse is a tar of one file that is all hole, written as GNU tar does.
func sparse(t *testing.T, size int64) []byte {
	block := tarOf(t, file("a", ""))
	block[156] = tar.TypeGNUSparse
	copy(block[257:], "ustar  \x00")                  // magic of GNU's own form
	copy(block[345:], make([]byte, 512-345))          // where ustar has the prefix
	copy(block[386:], "00000000000\x00")              // offset of the only fragment
	copy(block[398:], "00000000000\x00")              // its length
	copy(block[483:], fmt.Sprintf("%011o\x00", size)) // size with holes
	copy(block[148:], "        ")                     // the checksum counts as blanks
	sum := 0
	for _, b := range block[:512] {
		sum += int(b)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	if h, err := tar.NewReader(bytes.NewReader(block)).Next(); err != nil || h.Size != size {
		t.Fatalf("not the sparse file meant: %+v, %v", h, err)
	}
	return block
}

func TestAnArchiveCutShortIsAnError(t *testing.T) {
	whole := map[string][]byte{"zip": zipOf(t, sample...)}
	for name, compress := range compressed {
		whole[name] = compress(t, tarOf(t, sample...))
	}
	for name, content := range whole {
		a := archive(t, content)
		for n := range content {
			if err := os.Truncate(a.Path, int64(len(content)-1-n)); err != nil {
				t.Fatal(err)
			}
			if _, err := list(t, a, ""); err == nil {
				t.Errorf("%s: nothing wrong with %d bytes of %d", name, len(content)-1-n, len(content))
			}
		}
	}
	for name, compress := range compressed {
		content := compress(t, []byte("hello, hello, hello\n"))
		for n := 6; n < len(content); n++ { // up to 5 bytes could be anything
			if err := archive(t, content[:n]).Member(t.Context(), "", io.Discard); err == nil {
				t.Errorf("a file, %s: nothing wrong with %d bytes of %d", name, n, len(content))
			}
		}
	}
	plain := tarOf(t, file("a", strings.Repeat("x", 1000)))
	a := archive(t, plain[:1024])
	_, err := list(t, a, "")
	wantError(t, err, a.Path, `member "a"`, "cut short")
	a = archive(t, whole["gzip"][:len(whole["gzip"])-9])
	_, err = list(t, a, "")
	wantError(t, err, a.Path, "cut short; get it again")
	a = archive(t, whole["gzip"][:5])
	_, err = list(t, a, "")
	wantError(t, err, a.Path, "cut short; get it again")
}

func TestADamagedArchiveIsAnError(t *testing.T) {
	body := strings.Repeat("no two lines of this are the same, or are they\n", 40)
	whole := map[string][]byte{"zip": zipOf(t, file("a", body))}
	for name, compress := range compressed {
		whole[name] = compress(t, tarOf(t, file("a", body)))
	}
	for name, content := range whole {
		damaged := bytes.Clone(content)
		damaged[len(damaged)/3] ^= 0x10
		var out strings.Builder
		if err := archive(t, damaged).Member(t.Context(), "a", &out); err == nil {
			t.Errorf("%s: nothing wrong, and %d bytes", name, out.Len())
		}
	}
}

// Of two readers, the one that stops early must hear of the damage too.
func TestWhatIsNotReadIsCheckedAllTheSame(t *testing.T) {
	content := zipOf(t, file("a", strings.Repeat("abcdefgh", 100)))
	i := bytes.Index(content, []byte("PK\x07\x08"))
	content[i+4] ^= 1 // the sum behind the data
	i = bytes.Index(content, []byte("PK\x01\x02"))
	content[i+16] ^= 1 // and in the list
	err := archive(t, content).Tree(t.Context(), "", func(*tar.Header, io.Reader) error { return nil })
	wantError(t, err, "checksum")
}
