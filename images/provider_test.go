package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"buildbisect/images/catalogue"
)

// site serves files by their paths, and returns its URL. Anything else is not found.
func site(t *testing.T, files map[string][]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func sha(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// packed is a tar, compressed, of files with content: those whose names end in * are executable, "a -> b" are
// links.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimSuffix(f, "*"), Mode: 0o644}
		if strings.HasSuffix(f, "*") {
			h.Mode = 0o755
		}
		if from, to, ok := strings.Cut(f, " -> "); ok {
			h.Typeflag, h.Name, h.Linkname = tar.TypeSymlink, from, to
		}
		content := "content of " + h.Name
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func declared(t *testing.T, tc catalogue.Toolchain) *catalogue.Catalogue {
	t.Helper()
	c, err := (&catalogue.Catalogue{}).Declare(tc)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// members lists the payload of a catalogue's tool jq 1.
func members(t *testing.T, b *Builder) (*toolLayer, []string, error) {
	t.Helper()
	tc, err := b.Catalogue.Lookup("jq", "1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.toolLayer(t.Context(), tc)
	if err != nil {
		return nil, nil, err
	}
	r, err := p.layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := list(t, r)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], p.id, "ID")
	}
	return p, all, nil
}

func TestAReleaseIsAMemberOfWhatIsDownloaded(t *testing.T) {
	archive := packed(t, "jq-1/README", "jq-1/bin/jq*")
	url := site(t, map[string][]byte{"/jq-1.tgz": archive})
	tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq-{version}.tgz", SHA256: sha(archive), Member: "jq-{version}/bin/jq"}}}
	b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)}
	p, got, err := members(t, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"5 755 0:0 .bisect/", "5 755 0:0 .bisect/ID/", "0 755 0:0 .bisect/ID/jq content of jq-1/bin/jq"}
	if !slices.Equal(got, want) || p.links["/usr/bin/jq"] != "/.bisect/"+p.id+"/jq" {
		t.Errorf("got %q, links %v", got, p.links)
	}
}

func TestAReleaseMayBeAWholeFolder(t *testing.T) {
	archive := packed(t, "jq-1/bin/jq*", "jq-1/bin/jaq -> jq", "jq-1/lib/data", "other/x")
	url := site(t, map[string][]byte{"/jq.tgz": archive})
	tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/local/bin/jq", Tree: "/opt/jq", Program: "bin/jq", Also: map[string]string{"/usr/local/bin/jaq": "bin/jaq"},
		Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq.tgz", SHA256: sha(archive), Member: "jq-1"}}}
	p, got, err := members(t, &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"5 755 0:0 .bisect/", "5 755 0:0 .bisect/ID/", "5 755 0:0 .bisect/ID/bin/", "0 755 0:0 .bisect/ID/bin/jq content of jq-1/bin/jq",
		"2 777 0:0 .bisect/ID/bin/jaq jq", "5 755 0:0 .bisect/ID/lib/", "0 644 0:0 .bisect/ID/lib/data content of jq-1/lib/data"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	root := "/.bisect/" + p.id
	for at, to := range map[string]string{"/opt/jq": root, "/usr/local/bin/jq": root + "/bin/jq", "/usr/local/bin/jaq": root + "/bin/jaq"} {
		if p.links[at] != to {
			t.Errorf("%s leads to %s, want %s", at, p.links[at], to)
		}
	}
}

func TestTheFirstProviderThatServesIsTakenAndNamed(t *testing.T) {
	archive := packed(t, "jq*")
	url := site(t, map[string][]byte{"/there.tgz": archive})
	tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{
		&catalogue.File{Path: "/nowhere/jq", SHA256: sha(nil)},
		&catalogue.Release{URL: url + "/gone.tgz", SHA256: sha(archive), Member: "jq"},
		&catalogue.Release{URL: url + "/there.tgz", SHA256: sha(archive), Member: "jq"},
	}}
	h := &heard{}
	b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc), Progress: h.say}
	if _, _, err := members(t, b); err != nil {
		t.Fatal(err)
	}
	used := b.Used()
	if len(used.Tools) != 1 || used.Tools[0].Provider != "release" || !strings.HasSuffix(used.Tools[0].From, "/there.tgz") {
		t.Errorf("got %+v", used.Tools)
	}
	if !h.about("/nowhere/jq") || !h.about("gone.tgz") || !h.about("trying release") {
		t.Errorf("said %q", h.lines)
	}

	tc.Sources = tc.Sources[:2]
	_, _, err := members(t, &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/jq") || !strings.Contains(err.Error(), "gone.tgz") {
		t.Errorf("want what each provider said, got %v", err)
	}
}

func TestWhatIsNotAsPinnedOrHostileNeverEntersTheCache(t *testing.T) {
	right, wrong := packed(t, "jq*"), packed(t, "jq*", "more")
	up, out := packed(t, "jq*", "../up"), packed(t, "jq*", "bin/x -> ../../../etc/passwd")
	url := site(t, map[string][]byte{"/jq": wrong, "/up": up, "/out": out})
	for name, test := range map[string]struct {
		tc   catalogue.Toolchain
		want string
	}{
		"checksum": {catalogue.Toolchain{Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq", SHA256: sha(right), Member: "jq"}}}, sha(right)},
		"member":   {catalogue.Toolchain{Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq", SHA256: sha(wrong), Member: "bin/jq"}}}, `no member "bin/jq"`},
		"up":       {catalogue.Toolchain{Sources: []catalogue.Source{&catalogue.Release{URL: url + "/up", SHA256: sha(up), Member: "jq"}}}, "../up"},
		"link out": {catalogue.Toolchain{Tree: "/opt/jq", Program: "jq", Sources: []catalogue.Source{&catalogue.Release{URL: url + "/out", SHA256: sha(out)}}}, "etc/passwd"},
	} {
		test.tc.Tool, test.tc.Version, test.tc.Dest = "jq", "1", "/usr/bin/jq"
		b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, test.tc)}
		_, _, err := members(t, b)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "toolchain jq 1") {
			t.Errorf("%s: got %v", name, err)
		}
		if left, _ := os.ReadDir(b.Cache + "/tools"); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

func TestAFileOfAnImageIsFoundThroughItsLinks(t *testing.T) {
	host, _ := newRegistry(t)
	content := func(text, path string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{
			{Typeflag: tar.TypeDir, Name: "opt/v1/", Mode: 0o755},
			{Typeflag: tar.TypeSymlink, Name: "usr/bin/jq", Linkname: "../../opt/now/jq"},
			{Typeflag: tar.TypeSymlink, Name: "opt/now", Linkname: "/opt/v1"},
			{Typeflag: tar.TypeReg, Name: path, Mode: 0o755, Size: int64(len(text))},
		} {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	image := empty.Image
	for _, b := range [][]byte{content("old", "opt/v1/jq"), content("new", "opt/v1/jq")} {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, l); err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/jq:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	from := &catalogue.Extract{Image: ref.Context().Name() + "@" + digest.String(), Path: "/usr/bin/jq"}
	tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{from}}
	_, got, err := members(t, &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)})
	if err != nil || got[len(got)-1] != "0 755 0:0 .bisect/ID/jq new" {
		t.Errorf("got %q, %v", got, err)
	}

	from.Path = "/usr/bin/yq"
	_, _, err = members(t, &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)})
	if err == nil || !strings.Contains(err.Error(), "no file /usr/bin/yq") {
		t.Errorf("got %v", err)
	}
}

func TestWhatHasServedOnceServesOn(t *testing.T) {
	first, second := packed(t, "jq*"), packed(t, "jq*", "more")
	files := map[string][]byte{"/second.tgz": second}
	url := site(t, files)
	tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{
		&catalogue.Release{URL: url + "/first.tgz", SHA256: sha(first), Member: "jq"},
		&catalogue.Release{URL: url + "/second.tgz", SHA256: sha(second), Member: "jq"},
	}}
	h := &heard{}
	b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc), Progress: h.say}
	one, _, err := members(t, b)
	if err != nil {
		t.Fatal(err)
	}
	lock := b.Used()
	files["/first.tgz"] = first // the first is back
	if two, _, err := members(t, b); err != nil || two != one || h.count("first.tgz") != 1 {
		t.Errorf("another served in the middle of a run: %v, said %q", err, h.lines)
	}
	next := &Builder{Cache: b.Cache, Catalogue: b.Catalogue, Progress: h.say}
	if _, _, err := members(t, next); err != nil || next.Used().Tools[0].From != lock.Tools[0].From {
		t.Errorf("what lies in the cache was not taken: %v, %+v", err, next.Used().Tools)
	}
	elsewhere := &Builder{Cache: t.TempDir(), Catalogue: b.Catalogue, Lock: lock, Locked: true}
	if _, _, err := members(t, elsewhere); err != nil || elsewhere.Used().Tools[0].From != lock.Tools[0].From {
		t.Errorf("the lock names the second: %v, %+v", err, elsewhere.Used().Tools)
	}
}

func TestOneFileGoesWhereverItIsAskedFor(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	c := withFile(t, &catalogue.Catalogue{}, "one", "1", "/usr/bin/one", "same")
	c = withFile(t, c, "two", "1", "/opt/two", "same")
	b := &Builder{Cache: t.TempDir(), Catalogue: c}
	image, err := b.Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "one", Version: "1"}, {Tool: "two", Version: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	top := strings.Join(list(t, mustOpen(t, image)), "\n")
	if !strings.Contains(top, "usr/bin/one /.bisect/") || !strings.Contains(top, "opt/two /.bisect/") {
		t.Errorf("got\n%s", top)
	}
}

func TestAnAbsentFolderOfAToolIsHiddenWithWhatComesWithIt(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, []string{"usr/local/go/", "usr/local/go/bin/", "usr/local/go/bin/go", "usr/local/bin/", "usr/local/bin/gofmt"})}
	image, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "go", Absent: true}}})
	if err != nil {
		t.Fatal(err)
	}
	top := strings.Join(list(t, mustOpen(t, image)), "\n")
	if !strings.Contains(top, "usr/local/.wh.go") || !strings.Contains(top, "usr/local/bin/.wh.gofmt") {
		t.Errorf("got\n%s", top)
	}
}

func TestLinksThatCannotBothBeAreRefused(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	archive := packed(t, "bin/jq*", "bin/jaq*")
	url := site(t, map[string][]byte{"/jq.tgz": archive})
	tree := func(also map[string]string) catalogue.Toolchain {
		return catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/local/bin/jq", Tree: "/opt/jq", Program: "bin/jq", Also: also,
			Sources: []catalogue.Source{&catalogue.Release{URL: url + "/jq.tgz", SHA256: sha(archive)}}}
	}
	for want, test := range map[string]struct {
		tc    catalogue.Toolchain
		other string // where a second tool goes
	}{
		"two of its files go to":                  {tree(map[string]string{"/bin/x": "bin/jq", "/usr/bin/x": "bin/jaq"}), "/usr/bin/other"},
		"lies in the folder /opt/jq of the other": {tree(nil), "/opt/jq/bin/other"},
	} {
		c := withFile(t, declared(t, test.tc), "other", "1", test.other, "x")
		b := &Builder{Cache: t.TempDir(), Catalogue: c}
		_, err := b.Image(t.Context(), catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "jq", Version: "1"}, {Tool: "other", Version: "1"}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestRottenNotesOfAPartHaveItMadeAgain(t *testing.T) {
	host, _ := newRegistry(t)
	base := catalogue.Base{Image: push(t, host+"/base:1", runtime.GOARCH, smallBase)}
	c := withFile(t, &catalogue.Catalogue{}, "make", "4", "/usr/bin/make", "make")
	cache := t.TempDir()
	spec := catalogue.Spec{Base: base, Picks: []catalogue.Pick{{Tool: "make", Version: "4"}}}
	first, err := (&Builder{Cache: cache, Catalogue: c}).Image(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"tools/*/" + contentsName, "bases/*/" + treeName, "bases/*/" + configName} {
		files, err := filepath.Glob(filepath.Join(cache, pattern))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := errors.Join(os.WriteFile(files[0], text, 0o644), os.Chtimes(files[0], info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
		again, err := (&Builder{Cache: cache, Catalogue: c}).Image(t.Context(), spec)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		} else if engineID(t, first) != engineID(t, again) {
			t.Errorf("%s: another image", pattern)
		}
	}
}
