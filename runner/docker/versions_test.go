package docker

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"buildbisect/runner/docker/endpoint"
)

// TestAnEngineThatSpeaksTooOldOrTooNewIsNamed uses small engines that answer the first questions only.
func TestAnEngineThatSpeaksTooOldOrTooNewIsNamed(t *testing.T) {
	for _, name := range []string{"DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		t.Setenv(name, "")
	}
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Api-Version", "1.39") }))
	defer old.Close()
	t.Setenv("DOCKER_HOST", "tcp://"+old.Listener.Addr().String())
	if u := refused(t); !strings.Contains(u.Error(), "1.39") || !strings.Contains(u.Error(), "1.40") {
		t.Errorf("got %v", u)
	}

	// DOCKER_API_VERSION is used as it stands, and an engine that refuses it is quoted.
	var asked string
	strict := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_ping" {
			w.Header().Set("Api-Version", "1.54")
			return
		}
		asked = r.URL.Path
		http.Error(w, "client version 1.41 is too old. Minimum supported API version is 1.44", http.StatusBadRequest)
	}))
	defer strict.Close()
	t.Setenv("DOCKER_HOST", "tcp://"+strict.Listener.Addr().String())
	t.Setenv("DOCKER_API_VERSION", "1.41")
	if u := refused(t); !strings.Contains(u.Error(), "too old") || asked != "/v1.41/version" {
		t.Errorf("asked for %s, got %v", asked, u)
	}
}

func refused(t *testing.T) *endpoint.UnavailableError {
	t.Helper()
	_, err := Connect(t.Context())
	var u *endpoint.UnavailableError
	if !errors.As(err, &u) {
		t.Fatalf("got %v", err)
	}
	return u
}
