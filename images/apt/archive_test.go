package apt

import (
	"archive/tar"
	"strings"
	"testing"
	"time"

	"buildbisect/images/apt/apttest"
)

type deb = apttest.Deb

// archive is a test's own, with clients for it.
type archive struct {
	*apttest.Archive
	t *testing.T
}

func newArchive(t *testing.T) archive {
	t.Helper()
	needTools(t, "apt-get", "apt-config", "dpkg-deb", helper)
	return archive{apttest.New(t), t}
}

// suite is the archive's suite as a scenario would name it.
func (a archive) suite(name string) Archive {
	return Archive{Suite: name, Mirror: a.Mirror, Snapshots: a.Snapshots, Keyring: a.Keyring}
}

func (a archive) client() *Client {
	return &Client{Dir: a.t.TempDir(), Env: kept(), Progress: func(line string) { a.t.Log(line) }}
}

func (a archive) publish(root, suite string, date time.Time, valid time.Duration, debs ...deb) {
	a.t.Helper()
	var packages []apttest.Package
	for _, d := range debs {
		packages = append(packages, d.Package(a.t))
	}
	a.Publish(root, suite, date, valid, packages...)
}

// plain is a package with one file, which holds its version.
func plain(name, version, depends string) deb {
	file := "./usr/share/" + name
	return deb{Name: name, Version: version, Depends: depends, Files: []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "./usr/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/share/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: file, Typeflag: tar.TypeReg, Mode: 0o644},
	}, Bodies: map[string]string{file: version + strings.Repeat(".", 64<<10)}}
}

func dir(name string) tar.Header {
	return tar.Header{Name: "./" + name + "/", Typeflag: tar.TypeDir, Mode: 0o755}
}

func file(name string) tar.Header {
	return tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o644}
}

func link(name, to string) tar.Header {
	return tar.Header{Name: "./" + name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
}
