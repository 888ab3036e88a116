package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
)

// sample is a tool with what is around it, as releases have it.
var sample = []entry{
	dir("tool-1.2/"), dir("tool-1.2/bin"), {tar.TypeReg, "./tool-1.2/bin/tool", "#!tool", 0o4755},
	file("tool-1.2/doc/LICENSE", "words"), {tar.TypeReg, "tool-1.2/secret", "s", 0o600},
	link("tool-1.2/bin/t", "tool"), link("tool-1.2/bin/doc", "../doc"), file("other/x", "y"),
}

const sampleList = `5 755 bin 
0 755 bin/tool #!tool
0 644 doc/LICENSE words
0 644 secret s
2 777 bin/t tool
2 777 bin/doc ../doc
`

func TestAnArchiveIsKnownByItsContent(t *testing.T) {
	forms := map[string][]byte{"tar": tarOf(t, sample...), "zip": zipOf(t, sample...)}
	for name, compress := range compressed {
		forms["tar "+name] = compress(t, forms["tar"])
	}
	for name, content := range forms {
		t.Run(name, func(t *testing.T) {
			a := archive(t, content)
			got, err := list(t, a, "tool-1.2/")
			if err != nil {
				t.Fatal(err)
			}
			want := sampleList
			if name == "zip" { // by name
				want = sorted(want)
				got = sorted(got)
			}
			if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			for _, member := range []string{"tool-1.2/bin/tool", "./tool-1.2//bin/tool"} {
				var out strings.Builder
				if err := a.Member(t.Context(), member, &out); err != nil || out.String() != "#!tool" {
					t.Errorf("Member: %q, %v", out.String(), err)
				}
			}
		})
	}
}

func TestAWholeArchiveIsAFolderToo(t *testing.T) {
	for _, content := range [][]byte{tarOf(t, dir("./"), file("./b", "2"), file("a/c", "3")), zipOf(t, file("b", "2"), file("a/c", "3"))} {
		for _, folder := range []string{"", ".", "./"} {
			got, err := list(t, archive(t, content), folder)
			if sorted(got) != sorted("0 644 b 2\n0 644 a/c 3\n") || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
}

func TestASingleFileNeedsNoMember(t *testing.T) {
	bz2, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWcHAgOIAAAFBAAAQAkSgADDNAMNGKZcXckU4UJDBwIDi")
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{"plain": []byte("hello\n"), "bzip2": bz2}
	for name, compress := range compressed {
		forms[name] = compress(t, []byte("hello\n"))
	}
	for name, content := range forms {
		a := archive(t, content)
		var out strings.Builder
		if err := a.Member(t.Context(), "", &out); err != nil || out.String() != "hello\n" {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
		wantError(t, a.Member(t.Context(), "x", io.Discard), a.Path, `no tar and no zip, so there is no member "x"`)
		_, err := list(t, a, "")
		wantError(t, err, a.Path, "no tar and no zip")
	}
	a := archive(t, tarOf(t, sample...))
	wantError(t, a.Member(t.Context(), "", io.Discard), "which member is meant?", `"tool-1.2/bin/tool"`)
}

func TestWhatIsNotThereIsToldWithWhatIs(t *testing.T) {
	entries := sample
	for _, c := range "abcdefghijklmnop" {
		entries = append(entries, file("tool-1.2/lib/"+string(c), ""))
	}
	a := archive(t, tarOf(t, entries...))
	wantError(t, a.Member(t.Context(), "tool-1.3/bin/tool", io.Discard),
		a.Path, `no member "tool-1.3/bin/tool"; it holds "tool-1.2/bin/tool", `, " and 10 more")
	wantError(t, a.Member(t.Context(), "tool", io.Discard), `it holds "tool-1.2/bin/tool", `)
	wantError(t, a.Member(t.Context(), "tool-1.2/bin", io.Discard), "folder, want a file")
	wantError(t, a.Member(t.Context(), "tool-1.2/bin/t", io.Discard), `a link to "tool"; name that`)
	_, err := list(t, a, "tool-1.1")
	wantError(t, err, a.Path, `no folder "tool-1.1"; it holds "tool-1.2", `)
	_, err = list(t, a, "tool-1.2/bin/tool")
	wantError(t, err, "no folder")
	_, err = list(t, archive(t, zipOf(t)), "x")
	wantError(t, err, "it holds none")
	wantError(t, Archive{Path: "/nowhere/x"}.Member(t.Context(), "", io.Discard), "/nowhere/x: no such file")
}

func TestHardLinksAreOfFilesBeforeThem(t *testing.T) {
	got, err := list(t, archive(t, tarOf(t, file("git/bin/git", "elf"), hard("git/libexec/git", "./git/bin/git"), hard("git/x", "git/libexec/git"))), "git")
	if want := "0 644 bin/git elf\n1 644 libexec/git bin/git\n1 644 x libexec/git\n"; got != want || err != nil {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
}

// As git archive writes it, with the commit's id.
func TestACommentIsNoMember(t *testing.T) {
	var comment bytes.Buffer
	w := tar.NewWriter(&comment)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "3f9c1e2"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := list(t, archive(t, append(comment.Bytes(), tarOf(t, file("a", "1"))...)), "")
	if got != "0 644 a 1\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// As cmd/go does with the zips of its own toolchains.
func TestAGoModuleIsUnpackedWithItsCommandsExecutable(t *testing.T) {
	const folder = "golang.org/toolchain@v0.0.1-go1.23.12.linux-amd64"
	a := archive(t, zipOf(t, file(folder+"/src/_go.mod", "module std"), file(folder+"/bin/go", "elf"),
		file(folder+"/pkg/tool/linux_amd64/compile", "elf"), file(folder+"/pkg/include/asm.h", "text")))
	a.Executable = func(name string) bool {
		return path.Dir(name) == "bin" || strings.HasPrefix(name, "pkg/tool/")
	}
	got, err := list(t, a, folder)
	want := "0 755 bin/go elf\n0 644 pkg/include/asm.h text\n0 755 pkg/tool/linux_amd64/compile elf\n0 644 src/_go.mod module std\n"
	if got != want || err != nil {
		t.Errorf("%v, got\n%swant\n%s", err, got, want)
	}
}

func TestAnEndedContextEndsUnpacking(t *testing.T) {
	stop := errors.New("the user had enough")
	for _, content := range [][]byte{tarOf(t, file("a", "1"), file("b", "2")), zipOf(t, file("a", "1"), file("b", "2"))} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		a := archive(t, content)
		cancel(stop)
		err := a.Tree(ctx, "", func(_ *tar.Header, r io.Reader) error {
			_, err := io.ReadAll(r)
			return err
		})
		if !errors.Is(err, stop) {
			t.Errorf("%v, want %v", err, stop)
		}
	}
}

func TestAnErrorOfTheReceiverIsHandedBack(t *testing.T) {
	full := errors.New("no space left on device")
	a := archive(t, tarOf(t, sample...))
	err := a.Tree(t.Context(), "", func(*tar.Header, io.Reader) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	wantError(t, err, a.Path, `member "tool-1.2/"`)
}
