package unpack

import (
	"archive/tar"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzTree reads anything.
func FuzzTree(f *testing.F) {
	seeds := [][]entry{
		sample,
		{file("../x", ""), link("a", "/")},
		{link("a/b/up", "../.."), link("out", "a/b/up/../x"), file("out/y", "z")},
		{file("a", "1"), hard("b", "a"), link("b/c", ".")},
		{dir("a"), link("a/l", ".."), link("l", "a/l"), file("a/l/x", "")},
	}
	for _, s := range seeds {
		f.Add(tarOf(f, s...), "")
		f.Add(zipOf(f, s...), "")
		f.Add(tarOf(f, s...), "a")
		for _, compress := range compressed {
			f.Add(compress(f, tarOf(f, s...)), "")
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, folder string) {
		_, _ = unpackInto(t, content, folder)
	})
}

// TestNoRandomTreeLeadsOut makes small trees of few names, so that their links meet: bytes at random are
// seldom a tar.
func TestNoRandomTreeLeadsOut(t *testing.T) {
	parts := []string{"a", "b", "c", "a", "b", "c", "..", "."}
	whole := 0 // trees with links that were unpacked to their end
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 4))
		name := func(most int) string {
			var p []string
			for range 1 + r.IntN(most) {
				p = append(p, parts[r.IntN(len(parts))])
			}
			return strings.Join(p, "/")
		}
		var entries []entry
		for range 1 + r.IntN(5) {
			kind := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeSymlink, tar.TypeLink}[r.IntN(5)]
			entries = append(entries, entry{kind, name(3), name(4), 0})
			if kind == tar.TypeDir {
				entries[len(entries)-1].body = ""
			}
		}
		content := tarOf(t, entries...)
		if seed%2 == 0 {
			content = zipOf(t, slices.DeleteFunc(entries, func(e entry) bool { return e.kind == tar.TypeLink })...)
		}
		links, err := unpackInto(t, content, []string{"", "", "", "a"}[r.IntN(4)])
		if err == nil && links > 0 {
			whole++
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, entries)
		}
	}
	if whole < 30 {
		t.Errorf("only %d trees with links were unpacked", whole)
	}
}

// unpackInto unpacks into an os.Root, which knows nothing of this package and lets nothing out: what it
// refuses, Tree must have refused before. It returns how many symbolic links it made, and Tree's error.
func unpackInto(t *testing.T, content []byte, folder string) (int, error) {
	a := archive(t, content)
	a.Limit = 1 << 20
	dir := filepath.Join(t.TempDir(), "within")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()

	var links []string
	seen := map[string]bool{}
	err = a.Tree(t.Context(), folder, func(h *tar.Header, r io.Reader) error {
		if !filepath.IsLocal(h.Name) || path.Clean(h.Name) != h.Name || h.Name == "." {
			t.Errorf("name %q", h.Name)
		}
		if seen[h.Name] {
			t.Errorf("%q is handed out twice", h.Name)
		}
		seen[h.Name] = true
		if h.Mode != 0o644 && h.Mode != 0o755 && h.Mode != 0o777 {
			t.Errorf("%q: mode %o", h.Name, h.Mode)
		}
		if len(path.Base(h.Name)) > 255 || len(h.Name) > 1000 {
			return nil // more than this file system takes
		}
		if err := root.MkdirAll(path.Dir(h.Name), 0o755); err != nil {
			t.Errorf("folder of %q: %v", h.Name, err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if err := root.MkdirAll(h.Name, 0o755); err != nil {
				t.Errorf("folder %q: %v", h.Name, err)
			}
		case tar.TypeReg:
			out, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if err != nil {
				t.Errorf("file %q: %v", h.Name, err)
				return nil
			}
			defer out.Close()
			_, err = io.Copy(out, r)
			return err
		case tar.TypeLink:
			if err := root.Link(h.Linkname, h.Name); err != nil {
				t.Errorf("hard link %q to %q: %v", h.Name, h.Linkname, err)
			}
		case tar.TypeSymlink:
			if err := root.Symlink(h.Linkname, h.Name); err != nil {
				t.Errorf("link %q to %q: %v", h.Name, h.Linkname, err)
			}
			links = append(links, h.Name)
		default:
			t.Errorf("%q: kind %c", h.Name, h.Typeflag)
		}
		return nil
	})
	for _, l := range links {
		if _, err := root.Stat(l); err != nil && strings.Contains(err.Error(), "escapes") {
			t.Errorf("link %q: %v", l, err)
		}
	}
	return len(links), err
}
