package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// pinned is a maker of real tools, of one that says 1.
func pinned(t *testing.T) (tools *images.Builder, spec catalogue.Spec) {
	t.Helper()
	file, text := filepath.Join(t.TempDir(), "say"), []byte("#!/bin/sh\necho 1\n")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	c, err := catalogue.Shipped().Declare(catalogue.Toolchain{
		Tool: "say", Version: "1", Dest: "/usr/bin/say", Sources: []catalogue.Source{&catalogue.File{Path: file, SHA256: hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Cleanup(func() { // closed folders: t.TempDir cannot remove them, unless for root
		if err := removeAll(cache); err != nil {
			t.Error(err)
		}
	})
	return &images.Builder{Cache: cache, Catalogue: c}, catalogue.Spec{Picks: []catalogue.Pick{{Tool: "say", Version: "1"}}}
}

func TestABuildThatChangesItsToolsIsTriedAgainWithThemUnpackedAnew(t *testing.T) {
	tools, spec := pinned(t)
	e := open(t, tools)
	begin := func() backend.Box {
		t.Helper()
		i, err := e.Image(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		box, err := e.Start(t.Context(), backend.BoxSpec{Image: i.Name, Workdir: "/src"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := box.Close(); err != nil {
				t.Error(err)
			}
		})
		return box
	}
	beside := begin()
	for what, harm := range map[string]string{
		"say was written to or replaced": `chmod 755 "$d"; printf '#!/bin/sh\necho 22\n' >"$d/new"; chmod 555 "$d/new"; mv -f "$d/new" "$p"; chmod 555 "$d"`,
		"more was added":                 `chmod 755 "$d"; echo x >"$d/more"; chmod 555 "$d"`,
		"has mode drwxrwxrwx":            `chmod 777 "$d"`,
		"say was removed":                `chmod 755 "$d"; rm -f "$p"; chmod 555 "$d"; false`,
	} {
		box := begin()
		if out, _ := script(t, box, "say"); out != "1\n" {
			t.Fatalf("before %q it says %q", what, out)
		}
		_, err := box.Exec(context.Background(), `p=$(readlink -f "$(command -v say)"); d=$(dirname "$p"); `+harm, &bytes.Buffer{})
		if !errors.Is(err, backend.ErrInfrastructure) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v", what, err)
		}
		// One that ran beside it has had the same tools, also once there are others in their place.
		if out, _ := script(t, begin(), "say"); out != "1\n" {
			t.Errorf("%s: then it says %q", what, out)
		}
		if _, err := beside.Exec(t.Context(), "true", &bytes.Buffer{}); !errors.Is(err, backend.ErrInfrastructure) {
			t.Errorf("%s: the build beside it: %v", what, err)
		}
		beside = begin()
	}
}
