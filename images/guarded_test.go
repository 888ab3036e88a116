package images

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"buildbisect/images/catalogue"
	"buildbisect/images/fetch"
)

func TestAGuardedBuilderAsksNothingOfThisMachine(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	digest := strings.Repeat("0", 64)
	for name, source := range map[string]catalogue.Source{
		"release": &catalogue.Release{URL: s.URL + "/x", SHA256: digest},
		"image":   &catalogue.Extract{Image: host + "/x@sha256:" + digest, Path: "/x"},
	} {
		b := &Builder{Cache: t.TempDir(), Guarded: true, Catalogue: declared(t, catalogue.Toolchain{Tool: "jq", Version: "1", Dest: "/usr/bin/jq", Sources: []catalogue.Source{source}})}
		tc, err := b.Catalogue.Lookup("jq", "1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.toolLayer(t.Context(), tc)
		if refused := (*fetch.NotPublicError)(nil); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, image := range []string{host + "/x:1", host + "/x@sha256:" + digest} {
		_, err := (&Builder{Cache: t.TempDir(), Guarded: true}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: image}})
		if refused := (*fetch.NotPublicError)(nil); !errors.As(err, &refused) {
			t.Errorf("%s: %v", image, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}

func TestAGuardedBuilderTakesModulesFromProxiesAlone(t *testing.T) {
	for list, want := range map[string]string{
		"https://proxy.example,direct": "https://proxy.example", "direct": "", "https://a.example|https://b.example , direct,off": "https://a.example,https://b.example ,off",
	} {
		if got := withoutDirect(list); got != want {
			t.Errorf("%q: got %q, want %q", list, got, want)
		}
	}
}
