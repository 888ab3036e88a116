package runner_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"buildbisect/runner/backend"
	"buildbisect/scenarios"
)

const networkAdvice = "builder.network: bridge"

// TestABuildThatMissesTheNetworkIsToldThatItHasNone has the words of many programs, as the reason itself and
// further up in the log.
func TestABuildThatMissesTheNetworkIsToldThatItHasNone(t *testing.T) {
	for _, line := range []string{
		"curl: (6) Could not resolve host: example.org",
		"fatal: unable to access 'https://example.org/x.git/': Could not resolve host: example.org",
		"ssh: Could not resolve hostname example.org: Temporary failure in name resolution",
		"Err:1 http://example.org/debian bookworm InRelease  Temporary failure resolving 'example.org'",
		"wget: unable to resolve host address 'example.org'",
		"wget: bad address 'example.org'",
		"go: example.org/x@v1.0.0: Get \"https://example.org/x\": dial tcp: lookup example.org on [::1]:53: read udp: connection refused",
		"dial tcp: lookup example.org: no such host",
		"dial tcp 192.0.2.1:443: connect: network is unreachable",
		"socket.gaierror: [Errno -3] Temporary failure in name resolution",
		"HTTPSConnection(host='example.org'): Failed to resolve 'example.org' ([Errno -2] Name or service not known)",
		"npm ERR! request to https://example.org/x failed, reason: getaddrinfo EAI_AGAIN example.org",
		"Error: getaddrinfo ENOTFOUND example.org",
		"java.net.UnknownHostException: example.org",
		"error: failed to lookup address information: Name or service not known",
		"ping: connect: Network is unreachable",
		"Unknown host: example.org",
	} {
		for _, after := range []string{"", "make: *** [Makefile:3: all] Error 1\nerror: the build failed"} {
			rep := bothFail(t, &scenarios.Scenario{}, "none", line+"\n"+after)
			if !strings.Contains(rep, networkAdvice) || !strings.Contains(rep, line) {
				t.Errorf("%q, then %q: got %s", line, after, rep)
			}
		}
	}
}

func TestABuildIsToldOfTheNetworkOnlyWhereThatMayHelp(t *testing.T) {
	const line = "curl: (6) Could not resolve host: example.org"
	if rep := bothFail(t, &scenarios.Scenario{}, "bridge", line); strings.Contains(rep, networkAdvice) {
		t.Errorf("with a network: %s", rep)
	}
	if rep := bothFail(t, &scenarios.Scenario{}, "none", "error: cannot resolve symbol main"); strings.Contains(rep, networkAdvice) {
		t.Errorf("of another failure: %s", rep)
	}
	earlier := []scenarios.Stage{{Name: "fetch", Run: "fetch", Timeout: time.Hour}, {Name: "release", Run: "make", Timeout: time.Hour}}
	if rep := bothFail(t, &scenarios.Scenario{Stages: earlier}, "none", line); !strings.Contains(rep, networkAdvice) {
		t.Errorf("of an earlier stage: %s", rep)
	}
	other := &scenarios.Scenario{Verdict: scenarios.Verdict{Judge: scenarios.Signature{Log: mustCompile("^another failure")}}}
	if rep := bothFail(t, other, "none", line); !strings.Contains(rep, networkAdvice) {
		t.Errorf("without the signature: %s", rep)
	}
}

// bothFail is the summary of a run whose ends fail alike.
func bothFail(t *testing.T, s *scenarios.Scenario, network, says string) string {
	t.Helper()
	e := &engine{build: func(_ context.Context, _ map[string]string, _ []string, out io.Writer) (backend.Exit, error) {
		fmt.Fprintln(out, says)
		return backend.Exit{Code: 2}, nil
	}}
	r := newRun(t, e, lineOf(3), s)
	s.Builder.Network = network
	rep, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rep.Summary
}
