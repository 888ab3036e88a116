package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for address, want := range map[string]bool{
		"9.9.9.9": true, "151.101.1.1": true, "2a04:4e42::644": true, "2600::1": true,
		"127.0.0.1": false, "127.255.255.255": false, "0.0.0.0": false, "10.1.2.3": false, "172.31.0.1": false, "192.168.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "100.100.100.200": false, "192.0.0.192": false, "168.63.129.16": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::1": false, "::": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: public is %v", address, got)
		}
	}
}

func TestHostsThatCannotBePublicAreRefusedUnseen(t *testing.T) {
	for host, want := range map[string]bool{
		"example.org": true, "example.org.": true, "9.9.9.9": true, "a.b-c.example": true, "localhost.example.org": true,
		"localhost": false, "LOCALHOST.": false, "x.localhost": false, "printer.local": false, "metadata.google.internal": false, "metadata": false, "": false,
		"127.0.0.1": false, "127.1": false, "2130706433": false, "0x7f000001": false, "0x7f.1": false, "0177.0.0.1": false, "[::1]": false, "::1": false, "10.0.0.1.": false,
	} {
		if err := CheckHost(host); (err == nil) != want {
			t.Errorf("%q: got %v", host, err)
		}
	}
}

// counted is a server on loopback that must not be asked.
func counted(t *testing.T) (string, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, &asked
}

// hop sends from a public server to another place, as a redirection does.
type hop struct {
	to   string
	then http.RoundTripper
}

func (h hop) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "public.example" {
		return h.then.RoundTrip(r)
	}
	return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {h.to}}, Body: http.NoBody, Request: r}, nil
}

func TestNeitherAnAddressNorARedirectionNorANameLeadsToThisMachine(t *testing.T) {
	address, asked := counted(t)
	port := address[strings.LastIndexByte(address, ':'):]
	guard := Public()
	is := func(name string, err error) {
		t.Helper()
		if refused := (*NotPublicError)(nil); !errors.As(err, &refused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	client := &http.Client{Transport: guard}
	for _, at := range []string{address, "http://localhost" + port, "http://[::1]" + port, "http://127.1" + port} {
		_, err := client.Get(at)
		is(at, err)
	}
	_, err := (&http.Client{Transport: hop{address, guard}}).Get("http://public.example/")
	is("redirection", err)
	_, err = guard.(*public).direct.DialContext(t.Context(), "tcp", "localhost"+port) // as a name would that is looked up
	is("name", err)
	tried := 0
	_, err = (&Client{Dir: t.TempDir(), HTTP: client, Say: func(string) { tried++ }}).Get(t.Context(), address, strings.Repeat("0", 64), 0)
	is("fetch", err)
	if asked.Load() != 0 || tried != 0 {
		t.Errorf("it was asked %d times, and tried again %d times", asked.Load(), tried)
	}
}
