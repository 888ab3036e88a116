package fetch

import (
	"fmt"
	"net/http"
)

// ChecksumError says that the server has another file than the one asked for. Nothing of it is kept.
type ChecksumError struct {
	Want, Got string // sha256 in hex
	Page      bool   // the server called it text/html
}

func (e *ChecksumError) Error() string {
	what := "it was changed there, or damaged on its way; take it from elsewhere, or correct the sha256 if this file is meant"
	if e.Page {
		what = "it is a page and not a file, perhaps of a login or of a proxy; open the URL in a browser"
	}
	return fmt.Sprintf("want sha256 %s, got %s: %s", e.Want, e.Got, what)
}

// statusError explains an answer that is no file.
func statusError(resp *http.Response) error {
	advice := ""
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		advice = ": it wants a login; take a URL that needs none, or get the file yourself and give it as a file"
	case http.StatusForbidden:
		advice = ": it, or a proxy, keeps the file from you; take a URL that needs no login, or get the file yourself and give it as a file"
	case http.StatusNotFound, http.StatusGone:
		advice = ": the file is not there; check the version and the URL"
	case http.StatusProxyAuthRequired:
		advice = ": the proxy wants a login; put it into http_proxy and https_proxy"
	}
	return fmt.Errorf("the server says %d %s%s", resp.StatusCode, http.StatusText(resp.StatusCode), advice)
}
