package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// NotPublicError says that a request would have gone to this machine, to its network, or to what a cloud
// tells its machines alone.
type NotPublicError struct{ Host string }

func (e *NotPublicError) Error() string {
	return fmt.Sprintf("%s is no public address, and under --untrusted a scenario asks nothing of any other; name a public server, or leave --untrusted out for a scenario that you trust", e.Host)
}

// Public asks servers with public addresses alone, by http and https. The address is looked at when it is
// dialed: neither a name nor a redirection leads to another. Where the environment names a proxy for a
// request, the proxy is asked, wherever it is, and looks names up itself: then only addresses that stand in a
// URL, and names that are local everywhere, are refused.
func Public() http.RoundTripper {
	direct := http.DefaultTransport.(*http.Transport).Clone()
	direct.Proxy = nil
	direct.DialContext = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, ControlContext: onlyPublic}).DialContext
	return &public{direct: direct, proxied: http.DefaultTransport.(*http.Transport).Clone()}
}

type public struct{ direct, proxied *http.Transport }

func (p *public) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err == nil {
		err = CheckHost(r.URL.Hostname())
	}
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	if proxy != nil {
		return p.proxied.RoundTrip(r)
	}
	return p.direct.RoundTrip(r)
}

// onlyPublic is told where a connection goes once names are looked up.
func onlyPublic(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(at.Addr()) {
		return &NotPublicError{address}
	}
	return nil
}

// CheckHost refuses a host of a URL that cannot be public, without looking it up.
func CheckHost(host string) error {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	if at, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		if isPublic(at) {
			return nil
		}
		return &NotPublicError{host}
	}
	switch {
	case name == "", last == "localhost", last == "local", last == "internal", last == "localdomain", last == "home", last == "lan", name == "metadata":
		return &NotPublicError{host}
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"): // 127.1, 0x7f000001: addresses to some resolvers
		return &NotPublicError{host}
	}
	return nil
}

// notPublic are the ranges that are for special purposes, as IANA lists them, and that netip has no word for.
var notPublic = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32", // a cloud's, for its own machines alone
	"::/96", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10",
)

func prefixes(all ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, p := range all {
		parsed = append(parsed, netip.MustParsePrefix(p))
	}
	return parsed
}

func isPublic(at netip.Addr) bool {
	at = at.Unmap().WithZone("")
	if !at.IsGlobalUnicast() || at.IsPrivate() || at.IsLoopback() || at.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(at) {
			return false
		}
	}
	return true
}

// isNotPublic reports an error after which no other try does better.
func isNotPublic(err error) bool {
	_, ok := errors.AsType[*NotPublicError](err)
	return ok
}
