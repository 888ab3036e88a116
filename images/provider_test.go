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
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
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

// packed is a tar, compressed, of files with content: those whose names end in * are executable, "a -> b" are links.
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

func declared(t *testing.T, tc Toolchain) *Catalogue {
	t.Helper()
	c, err := (&Catalogue{}).Declare(tc)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// members lists the payload of a catalogue's tool jq 1.
func members(t *testing.T, b *Builder) (*payload, []string, error) {
	t.Helper()
	tc, err := b.Catalogue.Lookup("jq", "1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.payload(t.Context(), tc)
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
	tc := Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []Source{{Release: &Release{URL: url + "/jq-{version}.tgz", SHA256: sha(archive), Member: "jq-{version}/bin/jq"}}}}
	b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, tc)}
	p, got, err := members(t, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"5 755 0:0 .bisect/", "5 755 0:0 .bisect/ID/", "0 755 0:0 .bisect/ID/jq content of jq-1/bin/jq"}
	if !slices.Equal(got, want) || p.links["/usr/bin/jq"] != "/.bisect/"+p.id+"/jq" {
		t.Errorf("got %q, links %v", got, p.links)
	}
	if left, _ := os.ReadDir(b.Cache + "/downloads"); slices.ContainsFunc(left, func(e os.DirEntry) bool {
		return strings.HasPrefix(e.Name(), sha(archive)) && !strings.HasSuffix(e.Name(), ".lock")
	}) {
		t.Errorf("the download stays beside what was made of it: %v", left)
	}
}

func TestAReleaseMayBeAWholeFolder(t *testing.T) {
	archive := packed(t, "jq-1/bin/jq*", "jq-1/bin/jaq -> jq", "jq-1/lib/data", "other/x")
	url := site(t, map[string][]byte{"/jq.tgz": archive})
	tc := Toolchain{Tool: "jq", Version: "1", Dest: "/usr/local/bin/jq", Tree: "/opt/jq", Program: "bin/jq", Also: map[string]string{"/usr/local/bin/jaq": "bin/jaq"},
		Sources: []Source{{Release: &Release{URL: url + "/jq.tgz", SHA256: sha(archive), Member: "jq-1"}}}}
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
	tc := Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []Source{
		{File: &File{Path: "/nowhere/jq", SHA256: sha(nil)}},
		{Release: &Release{URL: url + "/gone.tgz", SHA256: sha(archive), Member: "jq"}},
		{Release: &Release{URL: url + "/there.tgz", SHA256: sha(archive), Member: "jq"}},
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
		tc   Toolchain
		want string
	}{
		"checksum": {Toolchain{Sources: []Source{{Release: &Release{URL: url + "/jq", SHA256: sha(right), Member: "jq"}}}}, sha(right)},
		"member":   {Toolchain{Sources: []Source{{Release: &Release{URL: url + "/jq", SHA256: sha(wrong), Member: "bin/jq"}}}}, `no member "bin/jq"`},
		"up":       {Toolchain{Sources: []Source{{Release: &Release{URL: url + "/up", SHA256: sha(up), Member: "jq"}}}}, "../up"},
		"link out": {Toolchain{Tree: "/opt/jq", Program: "jq", Sources: []Source{{Release: &Release{URL: url + "/out", SHA256: sha(out)}}}}, "etc/passwd"},
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
	from := &Extract{Image: ref.Context().Name() + "@" + digest.String(), Path: "/usr/bin/jq"}
	tc := Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []Source{{Image: from}}}
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
