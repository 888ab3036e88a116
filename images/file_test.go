package images

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"buildbisect/images/catalogue"
)

func TestOfAFileThatIsElsewhereNothingIsShownAndWithoutEndIsNone(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	content := []byte("the secret of another\n")
	if err := os.WriteFile(outside, content, 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(own, "out")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(own, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("0", 64)
	for _, c := range []struct {
		file         catalogue.File
		want, hidden string
	}{
		{catalogue.File{Path: outside, SHA256: other}, "it has sha256 " + sha(content), ""},
		{catalogue.File{Path: outside, SHA256: other, Unseen: true}, "its sha256 is not the one", sha(content)},
		{catalogue.File{Path: filepath.Join(own, "out"), SHA256: other, Within: own}, "escapes", sha(content)},
		{catalogue.File{Path: filepath.Join(own, "pipe"), SHA256: other}, "not a regular file", ""},
		{catalogue.File{Path: "/dev/zero", SHA256: other}, "not a regular file", ""},
	} {
		b := &Builder{Cache: t.TempDir(), Catalogue: declared(t, catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{&c.file}})}
		_, _, err := members(t, b)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.hidden != "" && strings.Contains(err.Error(), c.hidden) {
			t.Errorf("%+v: got %v", c.file, err)
		}
	}
}
