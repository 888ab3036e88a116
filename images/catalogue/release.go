package catalogue

import (
	"fmt"
	"net/url"
	"strings"
)

// Release has a tool from a file or an archive that can be downloaded.
type Release struct {
	URL    string // {version}, {arch} and {machine} are filled in: the version asked for, amd64 or arm64, x86_64 or aarch64
	SHA256 string // of what is downloaded, 64 hex digits
	Member string // the file, or for a tool that is a Tree the folder, inside an archive; "": what is downloaded is the tool
}

func (r *Release) Kind() string { return "release" }

func (r *Release) String() string { return "release " + redacted(r.URL) }

// redacted is an address without the password that may stand in it.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "at an address that is none"
	}
	return u.Redacted()
}

func (r *Release) Check(Toolchain) error {
	if !strings.HasPrefix(r.URL, "https://") && !strings.HasPrefix(r.URL, "http://") {
		return fmt.Errorf("url %q is none of http or https", r.URL)
	}
	return checkSum(r.SHA256, "what is downloaded from there")
}

func (r *Release) Filled(fill func(string) string) Source {
	filled := *r
	filled.URL, filled.SHA256, filled.Member = fill(r.URL), strings.ToLower(r.SHA256), fill(r.Member)
	return &filled
}

func (r *Release) Folder() bool { return true }

// Recipe names the archive by its digest, wherever it is had from.
func (r *Release) Recipe(Making) any { return struct{ SHA256, Member string }{r.SHA256, r.Member} }
