package images

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func treeOf(t *testing.T, layers ...[]string) *tree {
	t.Helper()
	var ls []opener
	for _, names := range layers {
		b := tarOf(t, names...)
		ls = append(ls, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	}
	tr, err := readTree(ls)
	if err != nil {
		t.Fatal(err)
	}
	return &tr.tree
}

func TestPathsFollowTheBasesLinksAsTheKernelWould(t *testing.T) {
	tr := treeOf(t, []string{"bin -> usr/bin", "usr/bin/", "opt -> /srv/../usr/bin", "a -> b", "b -> a", "usr/here -> .", "up/x -> ../usr/bin",
		"deep -> srv/far/down/", "srv/far/down/", "side -> deep/../bin", "out -> ../../../etc"})
	for in, want := range map[string]string{
		"/bin/docker":          "/usr/bin/docker",
		"/opt/docker":          "/usr/bin/docker",
		"/usr/here/here/bin/x": "/usr/bin/x",
		"/up/x/docker":         "/usr/bin/docker",
		"/new/folder/docker":   "/new/folder/docker",
		"/side/docker":         "/srv/far/bin/docker", // up from where the link leads, not from where it stands
		"/out/docker":          "/etc/docker",
		"/bin":                 "/bin", // the last element is what is to be replaced
	} {
		if got, err := tr.place(in, false); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", in, got, err, want)
		}
	}
	if _, err := tr.place("/a/docker", false); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Errorf("a loop: %v", err)
	}
	if _, err := tr.place("/usr/bin", false); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

func TestUpperLayersHideWhatIsBelowThem(t *testing.T) {
	below := []string{"usr/bin/", "usr/bin/docker", "opt/bin/", "opt/bin/docker", "srv/docker"}
	for name, test := range map[string]struct {
		upper []string
		gone  string
		stays string
	}{
		"whiteout":           {[]string{"usr/bin/.wh.docker"}, "/usr/bin/docker", "/opt/bin/docker"},
		"whiteout of folder": {[]string{"usr/.wh.bin"}, "/usr/bin/docker", "/opt/bin/docker"},
		"opaque":             {[]string{"opt/bin/", "opt/bin/.wh..wh..opq"}, "/opt/bin/docker", "/usr/bin/docker"},
		"opaque keeps own":   {[]string{"srv/docker", "srv/.wh..wh..opq"}, "/nowhere/docker", "/srv/docker"},
		"link over folder":   {[]string{"usr/bin -> ../opt"}, "/usr/bin/docker", "/opt/bin/docker"},
	} {
		tr := treeOf(t, below, test.upper)
		if _, ok := tr.has(test.gone); ok {
			t.Errorf("%s: %s is still there", name, test.gone)
		}
		if _, ok := tr.has(test.stays); !ok {
			t.Errorf("%s: %s is gone", name, test.stays)
		}
	}
}
