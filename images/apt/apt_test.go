package apt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// now is when the tests' suites are published: apt compares it with the machine's clock.
func now() time.Time { return time.Now().Add(-time.Hour).UTC().Truncate(time.Second) }

func names(r Resolution) string {
	var s []string
	for _, p := range r.Packages {
		s = append(s, p.String())
	}
	return strings.Join(s, ", ")
}

func mustResolve(t *testing.T, c *Client, a Archive, names ...string) Resolution {
	t.Helper()
	r, err := c.Resolve(t.Context(), a, names)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantError checks that an error says all of the parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestAPackageComesWithAllItNeedsAndNoMore(t *testing.T) {
	a := newArchive(t)
	date := now()
	a.publish("/debian", "test", date, time.Hour*24, plain("tool", "1:2.0+b1~x-1", "libtool7 (>= 7)"), plain("libtool7", "7.1", ""), plain("other", "1", ""))
	c := a.client()
	r := mustResolve(t, c, a.suite("test"), "tool")
	if got, want := names(r), "libtool7 7.1, tool 1:2.0+b1~x-1"; got != want {
		t.Errorf("resolved %s, want %s", got, want)
	}
	if !r.Date.Equal(date) {
		t.Errorf("date %v, want %v", r.Date, date)
	}
	debs, err := c.Fetch(t.Context(), a.suite("test"), r.Packages)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(debs[1])
	if want := plain("tool", "1:2.0+b1~x-1", "libtool7 (>= 7)").Bytes(t); err != nil || !bytes.Equal(b, want) {
		t.Errorf("tool's .deb is another: %d bytes, want %d; %v", len(b), len(want), err)
	}
	a.Requests("")
	if _, err := c.Fetch(t.Context(), a.suite("test"), r.Packages); err != nil || len(a.Requests("")) > 0 {
		t.Errorf("a second fetch asked the mirror again; %v", err)
	}
}

func TestASuiteStandsStillAsLongAsTheClientLives(t *testing.T) {
	a := newArchive(t)
	a.publish("/debian", "test", now(), 0, plain("tool", "1", ""))
	c := a.client()
	mustResolve(t, c, a.suite("test"), "tool")
	a.publish("/debian", "test", now().Add(time.Minute), 0, plain("tool", "2", ""))
	other := a.client()
	other.Dir = c.Dir
	if got := names(mustResolve(t, other, a.suite("test"), "tool")); got != "tool 2" {
		t.Errorf("a new client resolves %s, want tool 2", got)
	}
	a.Requests("")
	if got := names(mustResolve(t, c, a.suite("test"), "tool")); got != "tool 1" {
		t.Errorf("the old client resolves %s, want tool 1", got)
	}
	if asked := a.Requests("dists"); len(asked) > 0 {
		t.Errorf("the old client asked again: %q", asked)
	}
	last := a.client()
	last.Dir = c.Dir
	mustResolve(t, last, a.suite("test"), "tool")
	if asked := a.Requests("Packages"); len(asked) > 0 {
		t.Errorf("what had not changed was fetched again: %q", asked)
	}
	if got := names(mustResolve(t, c, a.suite("test"), "tool")); got != "tool 1" {
		t.Errorf("after others came, the old client resolves %s, want tool 1", got)
	}
}

func TestASnapshotIsTheSuiteAtItsTimeAndIsReadOnce(t *testing.T) {
	a := newArchive(t)
	// Both are long past their time, as a snapshot's Release files always are.
	a.publish("/snapshot/20210201T000000Z", "test", time.Date(2021, 1, 31, 20, 0, 0, 0, time.UTC), 7*24*time.Hour, plain("tool", "1", ""))
	a.publish("/snapshot/20220201T000000Z", "test", time.Date(2022, 1, 31, 20, 0, 0, 0, time.UTC), 7*24*time.Hour, plain("tool", "2", ""))
	c := a.client()
	for snapshot, want := range map[string]string{"20210201T000000Z": "tool 1", "20220201T000000Z": "tool 2"} {
		at := a.suite("test")
		at.Snapshot = snapshot
		r := mustResolve(t, c, at, "tool")
		if names(r) != want {
			t.Errorf("at %s resolved %s, want %s", snapshot, names(r), want)
		}
		if _, err := c.Fetch(t.Context(), at, r.Packages); err != nil {
			t.Error(err)
		}
		a.Requests("")
		again := a.client()
		again.Dir = c.Dir
		if mustResolve(t, again, at, "tool"); len(a.Requests("")) > 0 {
			t.Errorf("the snapshot at %s was asked for again", snapshot)
		}
	}
}

func TestTheSnapshotServiceIsAptsOwnUnlessOneIsGiven(t *testing.T) {
	a := newArchive(t)
	a.publish("/snapshot/20210201T000000Z", "test", time.Date(2021, 1, 31, 20, 0, 0, 0, time.UTC), 0, plain("tool", "1", ""))
	at := a.suite("test")
	at.Snapshot, at.Snapshots = "20210201T000000Z", ""
	conf := filepath.Join(t.TempDir(), "apt.conf")
	for _, test := range []struct{ setting, want string }{
		{strings.Replace(a.Snapshots, "{snapshot}", "@SNAPSHOTID@", 1), ""},
		{"", "set BISECT_DEBIAN_SNAPSHOTS"},
		{a.Mirror, "where the time goes"},
	} {
		if err := os.WriteFile(conf, []byte(`Acquire::Snapshots::URI::Origin::Debian "`+test.setting+`";`), 0o644); err != nil {
			t.Fatal(err)
		}
		c := a.client()
		c.Env = append(c.Env, "APT_CONFIG="+conf)
		if _, err := c.Resolve(t.Context(), at, []string{"tool"}); test.want != "" {
			wantError(t, err, test.want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsNameTheCauseAndTheNextStep(t *testing.T) {
	a := newArchive(t)
	a.publish("/debian", "test", now(), 0, plain("tool", "1", "libnone"), plain("fine", "1", ""))
	a.publish("/debian", "old", now().Add(-48*time.Hour), 24*time.Hour, plain("tool", "1", ""))
	stranger := newArchive(t)
	gone := a.suite("test")
	gone.Mirror = "http://127.0.0.1:9/debian"
	foreign := a.suite("test")
	foreign.Keyring = stranger.Keyring
	conf := filepath.Join(t.TempDir(), "apt.conf")
	if err := os.WriteFile(conf, []byte(`Acquire::Retries "0"; Acquire::Check-Valid-Until "false"; APT::Update::Post-Invoke { "touch `+conf+`.ran"; };`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := a.client()
	c.Env = append(c.Env, "APT_CONFIG="+conf) // as a machine may be set up: what is no matter of the network must not count
	for _, test := range []struct {
		name    string
		archive Archive
		names   []string
		want    []string
	}{
		{"unknown suite", a.suite("nosuch"), []string{"tool"}, []string{"suite nosuch: ", "does not have a Release file", "check that the mirror has this suite"}},
		{"unknown package", a.suite("test"), []string{"nosuch"}, []string{"suite test: ", "Unable to locate package nosuch"}},
		{"unknown version", a.suite("test"), []string{"fine=7"}, []string{"suite test: ", "Version '7' for 'fine' was not found"}},
		{"a pattern", a.suite("test"), []string{"fin."}, []string{"no package has the name fin."}},
		{"a removal", a.suite("test"), []string{"fine-"}, []string{"no package has the name fine-"}},
		{"an option", a.suite("test"), []string{"--yes"}, []string{"no name of a Debian package"}},
		{"unmet need", a.suite("test"), []string{"tool"}, []string{"suite test: ", "libnone"}},
		{"unreachable", gone, []string{"tool"}, []string{"suite test: ", "Could not connect", "check the network"}},
		{"expired", a.suite("old"), []string{"tool"}, []string{"suite old: ", "is expired (invalid since 1d", "give a snapshot"}},
		{"foreign key", foreign, []string{"tool"}, []string{"suite test: ", "public key is not available", "keyring"}},
		{"no suite", Archive{Suite: "-o", Mirror: "file:/x", Snapshot: "yesterday"}, []string{"tool"}, []string{`suite "-o"`, `mirror "file:/x"`, `snapshot "yesterday"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Resolve(t.Context(), test.archive, test.names)
			wantError(t, err, test.want...)
			if err != nil && strings.Contains(err.Error(), "\n") && test.name != "no suite" {
				t.Errorf("error of several lines: %v", err)
			}
		})
	}
	if _, err := os.Stat(conf + ".ran"); err == nil {
		t.Error("a hook of the machine's apt was run")
	}
}

func TestAMachineWithoutAptIsToldWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := (&Client{Dir: t.TempDir()}).Resolve(t.Context(), Archive{Suite: "test"}, []string{"tool"})
	wantError(t, err, "mmdebstrap is not installed", "Debian packages apt, dpkg and mmdebstrap")
	wantError(t, Unpack(t.Context(), "x.deb", discard), "Debian package dpkg")
}
