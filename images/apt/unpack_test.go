package apt

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func discard(*tar.Header, io.Reader) error { return nil }

func TestAPackageWithHostileMembersIsRefused(t *testing.T) {
	needTools(t, "dpkg-deb")
	hard := func(name, to string) tar.Header {
		return tar.Header{Name: "./" + name, Typeflag: tar.TypeLink, Linkname: to, Mode: 0o644}
	}
	for what, files := range map[string][]tar.Header{
		"leads out":       {{Name: "../../etc/passwd", Typeflag: tar.TypeReg}},
		"out of the pack": {{Name: "./usr/../../etc/passwd", Typeflag: tar.TypeReg}},
		"its name":        {{Name: "/etc/passwd", Typeflag: tar.TypeReg}},
		"no folder":       {link("usr", "/etc"), file("usr/passwd")},
		"which is no":     {file("usr"), file("usr/passwd")},
		"a link to":       {dir("usr"), link("usr/x", "../../etc")},
		"leads out of":    {link("x", "a/../../b")},
		"twice":           {link("x", "/etc/passwd"), file("x")},
		"a hard link to":  {hard("x", "/etc/passwd")},
		"before it":       {hard("x", "./y"), file("y")},
		"of type":         {{Name: "./null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"type":            {{Name: "./pipe", Typeflag: tar.TypeFifo}},
	} {
		name := deb{Name: "evil", Version: "1", Files: files}.Write(t)
		wantError(t, Unpack(t.Context(), name, discard), "unpack evil.deb: ", what)
		_, err := Payload{Own: []string{name}, Prefix: "/.bisect/x", Scratch: t.TempDir()}.Assemble(t.Context(), discard)
		wantError(t, err, what)
	}
}

func TestAnHonestPackageIsUnpackedWhole(t *testing.T) {
	needTools(t, "dpkg-deb")
	d := plain("tool", "1", "")
	d.Files = append(d.Files, link("usr/share/abs", "/etc/tool"), link("usr/share/rel", "../../etc/tool"),
		tar.Header{Name: "./usr/share/hard", Typeflag: tar.TypeLink, Linkname: "./usr/share/tool"})
	var got []string
	err := Unpack(t.Context(), d.Write(t), func(h *tar.Header, r io.Reader) error {
		b, err := io.ReadAll(r)
		if int64(len(b)) != h.Size {
			t.Errorf("%s: %d bytes, want %d", h.Name, len(b), h.Size)
		}
		got = append(got, h.Name+">"+h.Linkname)
		return err
	})
	want := "usr> usr/share> usr/share/tool> usr/share/abs>/etc/tool usr/share/rel>../../etc/tool usr/share/hard>usr/share/tool"
	if s := strings.Join(got, " "); err != nil || s != want {
		t.Errorf("got %s; %v", s, err)
	}
}

func TestWhatIsNoPackageIsAnError(t *testing.T) {
	needTools(t, "dpkg-deb")
	whole, err := os.ReadFile(plain("tool", "1", "").Write(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{nil, []byte("hello"), whole[:len(whole)-100]} {
		name := filepath.Join(t.TempDir(), "--help") // never an option
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		wantError(t, Unpack(t.Context(), name, discard), "dpkg-deb")
	}
	wantError(t, Unpack(t.Context(), filepath.Join(t.TempDir(), "none"), discard), "none")
}

func TestUnpackStopsWhenItsReaderDoes(t *testing.T) {
	needTools(t, "dpkg-deb")
	stop := errors.New("enough")
	big := plain("tool", "1", "")
	big.Bodies["./usr/share/tool"] = strings.Repeat("x", 32<<20) // more than any pipe holds
	if err := Unpack(t.Context(), big.Write(t), func(*tar.Header, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
}
