// Package apt finds and fetches Debian packages of a suite, as it is now or as it was at some time, and takes
// them apart without installing them.
//
// It runs this machine's apt-get, apt-helper and dpkg-deb in private folders, as any user: nothing of the
// machine's own package state is read or changed, and nothing asks for root. Of the machine's apt only how it
// reaches the network (proxies, credentials) and which keys it trusts are taken over. Which mirror a suite
// has on this machine is asked of mmdebstrap, so that a tool's packages and a base's come from one place; no
// host is named here.
//
// Every index is checked by signature, every package by size and SHA-256. Suites whose Release file has
// expired are refused; those of snapshots are always past their time, and are not.
//
// Limits: only the component main, and this machine's architecture. A snapshot is the suite alone, without
// its updates and security fixes, which snapshot services keep as archives of their own. Which packages
// satisfy a dependency that several could is apt's choice, and may differ between versions of apt: a lock,
// not a second resolution, repeats a world.
package apt

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Archive is one suite of an archive, at a time.
type Archive struct {
	Suite     string // like trixie
	Snapshot  string // a time like 20210201T000000Z; "": the suite as it is now
	Mirror    string // URL; "": what mmdebstrap would use on this machine
	Snapshots string // a snapshot service's URL with {snapshot} or @SNAPSHOTID@ for the time; "": what apt is set to
	Keyring   string // a file with the keys to trust; "": those that this machine's apt and mmdebstrap trust for the suite
}

// Package is one version of one package. With SHA256, Size and Filename it can be had again without any
// index.
type Package struct {
	Name     string `json:"name" yaml:"name"`
	Version  string `json:"version" yaml:"version"`
	Arch     string `json:"arch" yaml:"arch"` // Debian's name for it, or all
	SHA256   string `json:"sha256" yaml:"sha256"`
	Size     int64  `json:"size" yaml:"size"`         // bytes
	Filename string `json:"filename" yaml:"filename"` // below an archive's URL: pool/…
	URL      string `json:"-" yaml:"-"`               // where it was found; "" if from a lock
}

// Resolution is what some packages need, all of it.
type Resolution struct {
	Packages []Package // sorted by name
	Date     time.Time // of the newest Release file that was read
}

// Snapshot is a time at which a snapshot service has the packages: it takes up a new state within hours, and
// an archive keeps a package for more than a day after the suite has dropped it.
func (r Resolution) Snapshot() string { return r.Date.Add(24 * time.Hour).UTC().Format(snapshotTime) }

const snapshotTime = "20060102T150405Z"

// Client resolves and fetches. In its life the time of a suite stands still: indexes are refreshed once, and
// what other processes fetch meanwhile is not seen. It may be used concurrently, but not copied.
type Client struct {
	Dir      string            // for indexes and packages; may be shared with other processes
	Env      []string          // for the commands run: PATH, HOME, proxies
	Progress func(line string) // what goes on, possibly several at once; nil: nobody listens

	mu       sync.Mutex // held while indexes are fetched
	lists    map[string]*lists
	asking   sync.Mutex // guards what was asked of the machine once
	settings *settings
	found    map[Archive][]source
}

func (c *Client) say(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

// What goes into files and on command lines of apt and mmdebstrap, and could be taken there for something
// else.
var (
	suiteName    = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	packageName  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
	versionName  = regexp.MustCompile(`^[0-9][A-Za-z0-9.+:~-]*$`)
	digestName   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fileNameSafe = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+:~_/-]*$`)
	plainPath    = regexp.MustCompile(`^/[^\s"\[\]\\]*$`)
)

// check says what is wrong with a, all at once.
func (a Archive) check() error {
	var errs []error
	if !suiteName.MatchString(a.Suite) {
		errs = append(errs, fmt.Errorf("suite %q is no name of a Debian release, like bookworm", a.Suite))
	}
	if a.Snapshot != "" {
		if _, err := time.Parse(snapshotTime, a.Snapshot); err != nil {
			errs = append(errs, fmt.Errorf("snapshot %q is no time like 20210201T000000Z", a.Snapshot))
		}
	}
	if a.Mirror != "" {
		errs = append(errs, checkURL("mirror", a.Mirror))
	}
	if a.Keyring != "" {
		if !plainPath.MatchString(a.Keyring) {
			errs = append(errs, fmt.Errorf("keyring %q: apt wants an absolute path without spaces, quotes and brackets", a.Keyring))
		} else if _, err := os.Stat(a.Keyring); err != nil {
			errs = append(errs, fmt.Errorf("keyring: %w", err))
		}
	}
	return errors.Join(errs...)
}

func checkURL(what, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(raw, " \t\n\"'[]") {
		return fmt.Errorf("%s %q: want an http or https URL", what, raw)
	}
	return nil
}

// check keeps what a lock says from meaning anything but a file below an archive's URL.
func (p Package) check() error {
	switch {
	case !packageName.MatchString(p.Name):
		return fmt.Errorf("package %q is no name of a Debian package", p.Name)
	case !versionName.MatchString(p.Version):
		return fmt.Errorf("package %s: version %q is none of Debian's", p.Name, p.Version)
	case p.Arch != arch() && p.Arch != "all":
		return fmt.Errorf("package %s %s: it is for %q, this machine is %s; lock again on this machine", p.Name, p.Version, p.Arch, arch())
	case !digestName.MatchString(p.SHA256) || p.Size <= 0:
		return fmt.Errorf("package %s %s: want its size and a sha256 of 64 hex digits", p.Name, p.Version)
	case !fileNameSafe.MatchString(p.Filename) || strings.Contains("/"+p.Filename+"/", "/../"):
		return fmt.Errorf("package %s %s: filename %q is none below an archive", p.Name, p.Version, p.Filename)
	}
	return nil
}

func (p Package) String() string { return p.Name + " " + p.Version }

// arch is Debian's name for this machine's architecture.
func arch() string {
	switch runtime.GOARCH {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	}
	return runtime.GOARCH
}
