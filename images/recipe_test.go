package images

import (
	"runtime"
	"strings"
	"testing"

	"buildbisect/images/apt"
	"buildbisect/images/catalogue"
)

// TestWhatASourceIsCalledStays pins the names under which tools lie in caches, images and locks: where one
// changes, every cache is made anew and every lock drifts.
func TestWhatASourceIsCalledStays(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	archive := catalogue.Archive{Suite: "bookworm", Snapshot: "20210201T000000Z"}
	for name, c := range map[string]struct {
		id, recipe, lock string
		source           catalogue.Source
		made             candidate
	}{
		"file": {id: "a155b888d2f57409", recipe: "a155b888d2f57409", lock: "7e53d0efe3a91475",
			source: &catalogue.File{Path: "/a/jq", SHA256: sum, Within: "/a", Unseen: true}},
		"release": {id: "86127ab00856a4b9", recipe: "86127ab00856a4b9", lock: "6adb004fbb91c811",
			source: &catalogue.Release{URL: "https://example.org/jq", SHA256: sum, Member: "bin/jq"}},
		"built": {id: "f2a4dc1e11f3cc6c", recipe: "9dbc6f7d6f9b0634", lock: "7da0db3edf8929a8",
			source: &catalogue.Module{Package: "example.org/jq", LDFlags: "-s", Pin: []byte("pin"), Local: map[string][]byte{"x": []byte("y")}}, made: candidate{Go: "go1.26.1"}},
		"taken": {id: "65c07dbc0b4d9ef4", recipe: "65c07dbc0b4d9ef4", lock: "b1ad79d9947b2f4d",
			source: &catalogue.Module{Path: "example.org/jq", Version: "v1.0.0", Sum: "h1:x"}},
		"debian": {id: "9175048d75f140c0", recipe: "0045b76f85a79b3c", lock: "a1f999e1c4a6008e",
			source: &catalogue.Package{Archive: archive, Name: "jq", Program: "/usr/bin/jq", Alone: true}, made: candidate{Packages: []apt.Package{{Name: "jq", SHA256: sum}}, trust: "t", fresh: "f", tree: 1}},
		"image": {id: "0940939082ab1897", recipe: "0940939082ab1897", lock: "f6cf8b5f9b58782a",
			source: &catalogue.Extract{Image: "jq@sha256:" + sum, Path: "/jq"}},
	} {
		tc := catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Tree: "/opt/jq", Program: "bin/jq", Also: map[string]string{"/x": "y"}, Sources: []catalogue.Source{c.source}}
		c.made.Source, c.made.shape = c.source, shapeOf(tc)
		pinned := runtime.GOARCH == "amd64" // the processor is in the name
		if id := c.made.id(); pinned && id != c.id {
			t.Errorf("%s: id %s, want %s", name, id, c.id)
		}
		if recipe := c.made.recipe()[:16]; pinned && recipe != c.recipe {
			t.Errorf("%s: recipe %s, want %s", name, recipe, c.recipe)
		}
		if lock := askedOf(tc)[:16]; lock != c.lock {
			t.Errorf("%s: lock %s, want %s", name, lock, c.lock)
		}
	}
}
