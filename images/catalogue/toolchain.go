package catalogue

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Toolchain is one version of one tool: what it is in an image, and the ways to have it.
type Toolchain struct {
	Tool, Version string
	About         string            // for people
	Dest          string            // absolute path of the program in the image, where everybody calls it
	Places        []string          // other absolute paths where a base may have the same program: made to lead to it, or emptied
	Tree          string            // for a tool that is a whole folder: its absolute path in the image; "": it is one file, at Dest
	Program       string            // path of the program within Tree
	Also          map[string]string // further links for a Tree: absolute path in the image to path within it
	Command       []string          // asks the tool for its version, the tool itself first; empty: it is not asked
	Want          string            // what the output of Command must contain
	API           string            // of a client: the API version it speaks, as in 1.41; an engine may refuse an old one
	Sources       []Source          // the ways to have it, in the order in which they are tried; any must mean the same
}

// Source is one way to have a version of a tool. Exactly one field is set.
type Source struct {
	Module  *Module
	Release *Release
	Debian  *Package
	Image   *Extract
	File    *File
}

// Module has a tool from a Go module: either built from a main package, pinned by a wrapper module that
// requires it, or, where Package is empty, taken as it lies in the module itself.
type Module struct {
	Package          string            // main package, as an import path
	LDFlags, GCFlags string            // for go build
	Pin              []byte            // txtar: go.mod and go.sum of the wrapper
	Local            map[string][]byte // txtar: modules that the wrapper replaces others with, by the name of the folder beside it

	Path, Version, Sum string // of a module taken as it is, as golang.org/toolchain is: Sum is its h1: hash, as go.sum has it
}

// Release has a tool from a file or an archive that can be downloaded.
type Release struct {
	URL    string // {version}, {arch} and {machine} are filled in: the version asked for, amd64 or arm64, x86_64 or aarch64
	SHA256 string // of what is downloaded, 64 hex digits
	Member string // the file, or for a tool that is a Tree the folder, inside an archive; "": what is downloaded is the tool
}

// Package has a tool from a Debian package, with what that depends on and the libraries it needs, so that it
// runs on a base of another age.
type Package struct {
	Archive
	Name    string // of the package
	Program string // absolute path of the program in it, or in what it depends on, e.g. /usr/bin/make
	Alone   bool   `json:"-"` // the program needs libraries, and no other file of what the package depends on
}

// Archive is a Debian suite, as it is now or as it was.
type Archive struct {
	Suite    string // e.g. bookworm
	Snapshot string // a time like 20210201T000000Z; "": now
}

// Extract has a tool as one file of an image.
type Extract struct {
	Image string // a reference by digest
	Path  string // absolute
}

// File is a tool that the user has, as one executable file.
type File struct {
	Path   string // on this machine
	SHA256 string // of its bytes, 64 hex digits
	Within string // no link on the way leads out of this folder; "": anywhere
	Unseen bool   // errors tell nothing of what it holds, not even the digest
}

// Kind names the provider, as in scenario files: module, release, debian, image or file.
func (s Source) Kind() string {
	switch {
	case s.Module != nil:
		return "module"
	case s.Release != nil:
		return "release"
	case s.Debian != nil:
		return "debian"
	case s.Image != nil:
		return "image"
	case s.File != nil:
		return "file"
	}
	return ""
}

func (s Source) String() string {
	switch {
	case s.Module != nil && s.Module.Package == "":
		return fmt.Sprintf("module %s@%s", s.Module.Path, s.Module.Version)
	case s.Module != nil:
		return "module " + s.Module.Package
	case s.Release != nil:
		return "release " + redacted(s.Release.URL)
	case s.Debian != nil:
		return fmt.Sprintf("debian package %s of %s", s.Debian.Name, s.Debian.Archive)
	case s.Image != nil:
		return fmt.Sprintf("%s of image %s", s.Image.Path, s.Image.Image)
	case s.File != nil:
		return "file " + s.File.Path
	}
	return "no provider"
}

// redacted is an address without the password that may stand in it.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "at an address that is none"
	}
	return u.Redacted()
}

func (a Archive) String() string {
	if a.Snapshot != "" {
		return a.Suite + " at " + a.Snapshot
	}
	return a.Suite
}

// check says what about t could not be meant.
func (t Toolchain) check() error {
	what := fmt.Sprintf("tool %s %s", t.Tool, t.Version)
	clean := func(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }
	switch {
	case t.Tool == "" || t.Version == "":
		return fmt.Errorf("tool %q version %q: both need a name", t.Tool, t.Version)
	case !clean(t.Dest):
		return fmt.Errorf("%s: dest %q is not a clean absolute path of a file, like /usr/local/bin/%s", what, t.Dest, t.Tool)
	case t.Tree != "" && (!clean(t.Tree) || t.Program == ""):
		return fmt.Errorf("%s: tree %q: want a clean absolute path, and the path of the program in it", what, t.Tree)
	case len(t.Sources) == 0:
		return fmt.Errorf("%s: no provider says where to have it from", what)
	}
	for _, s := range t.Sources {
		if err := s.check(t); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func (s Source) check(t Toolchain) error {
	sum := func(sum, of string) error {
		if !isSHA256(sum) {
			return fmt.Errorf("sha256 %q is not 64 hex digits; take it from: sha256sum %s", sum, of)
		}
		return nil
	}
	switch {
	case s.File != nil && s.File.Path == "":
		return errors.New("no file given")
	case s.File != nil && t.Tree != "":
		return errors.New("a file cannot be a tree")
	case s.File != nil:
		return sum(s.File.SHA256, s.File.Path)
	case s.Release != nil && !strings.HasPrefix(s.Release.URL, "https://") && !strings.HasPrefix(s.Release.URL, "http://"):
		return fmt.Errorf("url %q is none of http or https", s.Release.URL)
	case s.Release != nil:
		return sum(s.Release.SHA256, "what is downloaded from there")
	case s.Module != nil && s.Module.Package == "" && (s.Module.Path == "" || s.Module.Version == "" || !strings.HasPrefix(s.Module.Sum, "h1:")):
		return errors.New("a module taken as it is needs its path, version and sum, as go.sum has it (h1:…)")
	case s.Module != nil && s.Module.Package != "" && len(s.Module.Pin) == 0:
		return errors.New("a module that is built needs a pin: its go.mod and go.sum as txtar")
	case s.Module != nil:
		return s.Module.check()
	case s.Debian != nil && (!suiteName.MatchString(s.Debian.Suite) || !packageName.MatchString(s.Debian.Name)):
		return fmt.Errorf("%s: want a suite like bookworm, and a package's name", s)
	case s.Debian != nil && s.Debian.Snapshot != "" && !snapshotTime.MatchString(s.Debian.Snapshot):
		return fmt.Errorf("snapshot %q: want a time like 20210201T000000Z", s.Debian.Snapshot)
	case s.Debian != nil && !path.IsAbs(s.Debian.Program):
		return fmt.Errorf("%s: program %q is no absolute path", s, s.Debian.Program)
	case s.Image != nil && (!strings.Contains(s.Image.Image, "@sha256:") || !path.IsAbs(s.Image.Path)):
		return fmt.Errorf("%s: want an image by digest, and an absolute path in it", s)
	case s.Kind() == "":
		return errors.New("a source names no provider")
	}
	return nil
}

// places are all paths at which the tool may be found, Dest first.
func (t Toolchain) places() []string {
	all := []string{t.Dest}
	for _, p := range append(slices.Clone(t.Places), otherBins(t.Dest)...) {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
