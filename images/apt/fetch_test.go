package apt

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestAFileThatIsNotWhatTheLockSaysIsRefused(t *testing.T) {
	a := newArchive(t)
	d := plain("tool", "1", "")
	a.publish("/debian", "test", now(), 0, d)
	c := a.client()
	r := mustResolve(t, c, a.suite("test"), "tool")
	right := d.Bytes(t)
	for what, b := range map[string][]byte{
		"Hash Sum mismatch": append(bytes.Clone(right[:len(right)-1]), right[len(right)-1]^1),
		"unexpected size":   append(bytes.Clone(right), 0),
	} {
		a.Change("/debian/"+d.Filename(), b)
		_, err := c.Fetch(t.Context(), a.suite("test"), r.Packages)
		wantError(t, err, "package tool 1: ", what)
		left, _ := filepath.Glob(c.Dir + "/debs/*.deb*")
		if slices.ContainsFunc(left, func(s string) bool { return !strings.HasSuffix(s, ".lock") }) {
			t.Errorf("left behind: %q", left)
		}
	}
	a.Change("/debian/"+d.Filename(), right)
	if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil {
		t.Errorf("once the mirror is right: %v", err)
	}
}

func TestADamagedFileInTheCacheIsFetchedAgain(t *testing.T) {
	a := newArchive(t)
	a.publish("/debian", "test", now(), 0, plain("tool", "1", ""))
	c := a.client()
	r := mustResolve(t, c, a.suite("test"), "tool")
	for _, damage := range []func(b []byte) []byte{
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		debs, err := c.Fetch(t.Context(), a.suite("test"), r.Packages)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(debs[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(debs[0], damage(b), 0o644); err != nil {
			t.Fatal(err)
		}
		a.Requests("")
		if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil || len(a.Requests("pool")) != 1 {
			t.Errorf("not fetched again; %v", err)
		}
		if err := verify(debs[0], r.Packages[0]); err != nil {
			t.Error(err)
		}
	}
}

func TestADownloadThatBrokeOffIsResumedOrMadeAgain(t *testing.T) {
	a := newArchive(t)
	d := plain("tool", "1", "")
	noise := make([]byte, 256<<10) // does not compress
	rand.NewChaCha8([32]byte{}).Read(noise)
	d.Bodies["./usr/share/tool"] = string(noise)
	a.publish("/debian", "test", now(), 0, d)
	c := a.client()
	r := mustResolve(t, c, a.suite("test"), "tool")
	right, url := d.Bytes(t), "/debian/"+d.Filename()
	part := filepath.Join(c.Dir, "debs", r.Packages[0].SHA256+".deb.part")
	// A .part that bears the server's time is what apt leaves of a download that broke off.
	for _, test := range []struct {
		name string
		part []byte
		want []string // requests
	}{
		{"a true half", right[:len(right)/2], []string{url + " bytes="}},
		{"a half of something else", make([]byte, len(right)/2), []string{url + " bytes=", url}},
		{"too much", make([]byte, len(right)+1), []string{url + " bytes=", url}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
				t.Fatal(err)
			}
			os.Remove(strings.TrimSuffix(part, ".part"))
			if err := os.WriteFile(part, test.part, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(part, a.Modified(url), a.Modified(url)); err != nil {
				t.Fatal(err)
			}
			a.Requests("")
			if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil {
				t.Fatal(err)
			}
			asked := a.Requests("pool")
			if !slices.EqualFunc(asked, test.want, func(got, want string) bool {
				return got == want || strings.HasSuffix(want, "=") && strings.HasPrefix(got, want)
			}) {
				t.Errorf("asked for %q, want %q", asked, test.want)
			}
		})
	}

	os.Remove(strings.TrimSuffix(part, ".part"))
	a.Cut(url, len(right)/2)
	if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil {
		t.Errorf("the connection broke once: %v", err)
	}
	if asked := a.Requests("pool"); len(asked) != 2 || !strings.Contains(asked[1], " bytes=") {
		t.Errorf("not resumed: %q", asked)
	}
}

func TestAFetchEndsWhenItsContextDoes(t *testing.T) {
	a := newArchive(t)
	d := plain("tool", "1", "")
	a.publish("/debian", "test", now(), 0, d)
	c := a.client()
	r := mustResolve(t, c, a.suite("test"), "tool")
	a.Stall("/debian/" + d.Filename())
	why := errors.New("the user has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-a.Stalled
		cancel(why)
	}()
	if _, err := c.Fetch(ctx, a.suite("test"), r.Packages); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
	a.Stall("")
	if _, ok := c.Cached(r.Packages[0]); ok {
		t.Error("half a file counts as cached")
	}
	if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if path, ok := c.Cached(r.Packages[0]); !ok || verify(path, r.Packages[0]) != nil {
		t.Error("a whole file does not count as cached")
	}
}

func TestWhatTheMirrorDroppedComesFromASnapshot(t *testing.T) {
	a := newArchive(t)
	d, d2 := plain("tool", "1", ""), plain("tool", "2+b1", "")
	a.publish("/debian", "test", now(), 0, d)
	a.publish("/snapshot/20210201T000000Z", "test", now(), 0, d)
	a.publish("/snapshot/20220201T000000Z", "test", now(), 0, d2)
	lock := mustResolve(t, a.client(), a.suite("test"), "tool").Packages
	lock[0].URL = "" // as read from a file
	at := a.suite("test")

	if _, err := a.client().Fetch(t.Context(), at, lock); err != nil {
		t.Errorf("while the mirror has it: %v", err)
	}
	if asked := a.Requests("dists"); len(asked) > 4 {
		t.Errorf("indexes were asked for: %q", asked)
	}
	a.Remove("/debian/" + d.Filename())
	_, err := a.client().Fetch(t.Context(), at, lock)
	wantError(t, err, "package tool 1: gone from the mirror", "give a snapshot")
	at.Snapshot = "20220201T000000Z"
	_, err = a.client().Fetch(t.Context(), at, lock)
	wantError(t, err, "package tool 1: neither the mirror nor the snapshot service", "another snapshot")
	at.Snapshot = "20210201T000000Z"
	if _, err := a.client().Fetch(t.Context(), at, lock); err != nil {
		t.Errorf("from the snapshot: %v", err)
	}
	lock2 := mustResolve(t, a.client(), Archive{Suite: "test", Mirror: strings.Replace(a.Snapshots, "{snapshot}", "20220201T000000Z", 1), Keyring: a.Keyring}, "tool").Packages
	lock2[0].URL, at.Snapshot = "", "20220201T000000Z"
	if _, err := a.client().Fetch(t.Context(), at, lock2); err != nil {
		t.Errorf("a file with a + in its name: %v", err)
	}
}

func TestALockCannotNameWhatIsNoPackage(t *testing.T) {
	good := Package{Name: "tool", Version: "1", Arch: arch(), SHA256: strings.Repeat("0", 64), Size: 1, Filename: "pool/t/tool_1.deb"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Package){
		"filename": func(p *Package) { p.Filename = "pool/../../x.deb" },
		"below":    func(p *Package) { p.Filename = "/etc/passwd" },
		"digest":   func(p *Package) { p.SHA256 = "../../x" },
		"size":     func(p *Package) { p.Size = 0 },
		"lock":     func(p *Package) { p.Arch = "s390x" },
		"name":     func(p *Package) { p.Name = "-o" },
		"version":  func(p *Package) { p.Version = "" },
	} {
		p := good
		change(&p)
		if _, err := (&Client{Dir: t.TempDir()}).Fetch(t.Context(), Archive{Suite: "test"}, []Package{p}); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func TestSeveralClientsShareOneFolder(t *testing.T) {
	a := newArchive(t)
	a.publish("/debian", "test", now(), 0, plain("tool", "1", "libtool7"), plain("libtool7", "7", ""))
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c := &Client{Dir: dir, Env: kept()}
			r, err := c.Resolve(t.Context(), a.suite("test"), []string{"tool"})
			if err == nil {
				_, err = c.Fetch(t.Context(), a.suite("test"), r.Packages)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked := a.Requests("pool"); len(asked) != 2 {
		t.Errorf("two packages were fetched by %d requests: %q", len(asked), asked)
	}
}
