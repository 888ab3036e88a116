package apt

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// listing assembles and writes down each member in a line.
func listing(t *testing.T, p Payload) (lines, files []string) {
	t.Helper()
	p.Scratch = t.TempDir()
	c, err := p.Assemble(t.Context(), func(h *tar.Header, r io.Reader) error {
		b, err := io.ReadAll(r)
		if int64(len(b)) != h.Size {
			t.Errorf("%s: %d bytes, want %d", h.Name, len(b), h.Size)
		}
		if !h.ModTime.Equal(p.Time) {
			t.Errorf("%s: of %v, want %v", h.Name, h.ModTime, p.Time)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%c %o %d:%d %s %s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Name, h.Linkname)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(p.Scratch); len(left) > 0 {
		t.Errorf("left in the scratch folder: %v", left)
	}
	return lines, paths(c)
}

// paths are what the packages would install.
func paths(c Contents) (all []string) {
	for _, f := range c.Files {
		all = append(all, f.Path)
	}
	return all
}

func TestAPayloadIsThePackagesFilesMovedWithTheirLinks(t *testing.T) {
	needTools(t, "dpkg-deb")
	script := tar.Header{Name: "./usr/bin/tool", Typeflag: tar.TypeReg, Mode: 0o4755, Gid: 8}
	one := deb{Name: "tool", Version: "1", Files: []tar.Header{
		dir("usr"), dir("usr/bin"), script, dir("etc"), file("etc/tool.conf"),
		{Name: "./usr/bin/zzz", Typeflag: tar.TypeLink, Linkname: "./usr/bin/tool", Mode: 0o4755, Gid: 8},
		{Name: "./usr/bin/aaa", Typeflag: tar.TypeLink, Linkname: "./usr/bin/tool", Mode: 0o4755, Gid: 8},
		link("usr/bin/near", "tool"), link("usr/bin/far", "/usr/bin/tool"), link("usr/bin/merged", "/bin/tool"),
		link("usr/bin/conf", "../../etc/tool.conf"), link("usr/bin/system", "../../etc/passwd"), link("usr/bin/alternative", "/etc/alternatives/tool"),
		dir("usr/share"), dir("usr/share/doc"), file("usr/share/doc/copyright"), dir("usr/share/man"), file("usr/share/man/tool.1"), file("usr/share/docs"),
	}, Bodies: map[string]string{script.Name: "#!/bin/sh\necho tool\n"}}.Write(t)
	two := deb{Name: "more", Version: "1", Files: []tar.Header{dir("usr"), dir("usr/bin"), file("usr/bin/more")}}.Write(t)
	p := Payload{Own: []string{one, two}, Closure: []string{one}, Prefix: "/.bisect/id", Time: time.Unix(1612137600, 0)}
	lines, files := listing(t, p)
	want := `
5 755 0:0 .bisect/id/
5 755 0:0 .bisect/id/lib/
5 755 0:0 .bisect/id/root/
5 755 0:0 .bisect/id/root/etc/
0 644 0:0 .bisect/id/root/etc/tool.conf
5 755 0:0 .bisect/id/root/usr/
5 755 0:0 .bisect/id/root/usr/bin/
0 4755 0:8 .bisect/id/root/usr/bin/aaa
2 777 0:0 .bisect/id/root/usr/bin/alternative /etc/alternatives/tool
2 777 0:0 .bisect/id/root/usr/bin/conf ../../etc/tool.conf
2 777 0:0 .bisect/id/root/usr/bin/far ../../usr/bin/tool
2 777 0:0 .bisect/id/root/usr/bin/merged ../../usr/bin/tool
0 644 0:0 .bisect/id/root/usr/bin/more
2 777 0:0 .bisect/id/root/usr/bin/near tool
2 777 0:0 .bisect/id/root/usr/bin/system /etc/passwd
1 4755 0:8 .bisect/id/root/usr/bin/tool .bisect/id/root/usr/bin/aaa
1 4755 0:8 .bisect/id/root/usr/bin/zzz .bisect/id/root/usr/bin/aaa
5 755 0:0 .bisect/id/root/usr/share/
0 644 0:0 .bisect/id/root/usr/share/docs`
	if got := "\n" + strings.Join(lines, "\n"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(files) != 12 || files[0] != "/etc/tool.conf" || !slices.IsSorted(files) {
		t.Errorf("files %q", files)
	}
	p.Own = []string{two, one}
	if again, _ := listing(t, p); !slices.Equal(again, lines) {
		t.Errorf("in another order the packages give\n%s", strings.Join(again, "\n"))
	}
	p.Own = append(p.Own, deb{Name: "other", Version: "1", Files: []tar.Header{dir("usr"), dir("usr/bin"), file("usr/bin/more")}}.Write(t))
	_, err := p.Assemble(t.Context(), discard)
	wantError(t, err, "usr/bin/more is also in more.deb")
}

// TestAProgramUsesTheLibrariesOfItsClosure packs this machine's own ls with the libraries it has here: in two
// packages, as Debian has them.
func TestAProgramUsesTheLibrariesOfItsClosure(t *testing.T) {
	needTools(t, "dpkg-deb", "/bin/ls")
	traced := run(t, []string{"LD_TRACE_LOADED_OBJECTS=1"}, "/bin/ls")
	paths := regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(traced, -1)
	if len(paths) < 2 {
		t.Skipf("this machine's ls is static: %s", traced)
	}
	libs := deb{Name: "libs", Version: "1", Files: []tar.Header{dir("usr"), dir("usr/lib")}, Bodies: map[string]string{}}
	pack := func(d *deb, from, to string, mode int64) {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		d.Files = append(d.Files, tar.Header{Name: "./" + to, Typeflag: tar.TypeReg, Mode: mode})
		d.Bodies["./"+to] = string(b)
	}
	for _, m := range paths {
		// As Debian does: the file has another name than the one it is asked for, and the loader a link from
		// afar.
		pack(&libs, m[1], "usr/lib/real-"+path.Base(m[1]), 0o755) // the loader must be
		libs.Files = append(libs.Files, link("usr/lib/"+path.Base(m[1]), "real-"+path.Base(m[1])))
		if strings.HasPrefix(path.Base(m[1]), "ld-") {
			libs.Files = append(libs.Files, dir("lib64"), link("lib64/"+path.Base(m[1]), "/lib/"+path.Base(m[1])))
		}
	}
	tool := deb{Name: "tool", Version: "1", Files: []tar.Header{dir("usr"), dir("usr/bin")}, Bodies: map[string]string{}}
	pack(&tool, "/bin/ls", "usr/bin/list", 0o755)
	own := tool.Write(t)

	p := Payload{Own: []string{own}, Closure: []string{libs.Write(t)}, Prefix: filepath.Join(t.TempDir(), "id")}
	install(t, p)
	program := p.Prefix + "/root/usr/bin/list"
	if got := run(t, nil, program, "-d", "/"); got != "/" {
		t.Errorf("ls -d / prints %q", got)
	}
	for line := range strings.Lines(run(t, []string{"LD_TRACE_LOADED_OBJECTS=1"}, program)) {
		if !strings.Contains(line, p.Prefix+"/lib/") && !strings.Contains(line, "linux-vdso") {
			t.Errorf("it loads %s", line)
		}
	}

	p.Closure = nil
	_, err := p.Assemble(t.Context(), discard)
	wantError(t, err, "usr/bin/list", "is in none of the packages it needs")
}

func TestDataThatLooksLikeAProgramIsLeftAlone(t *testing.T) {
	needTools(t, "dpkg-deb")
	h := file("damaged") // not executable: a compiler's test data
	d := deb{Name: "tool", Version: "1", Files: []tar.Header{h}, Bodies: map[string]string{h.Name: "\x7fELF\x01\x01\x01" + strings.Repeat("\x02", 100)}}
	if lines, _ := listing(t, Payload{Own: []string{d.Write(t)}, Prefix: "/p", Time: time.Unix(1, 0)}); !slices.Contains(lines, "0 644 0:0 p/root/damaged") {
		t.Errorf("got %q", lines)
	}
}
