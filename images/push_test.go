package images

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"buildbisect/images/catalogue"
)

// counted is a registry that counts what is sent to it, and lets in only who knows the password, if there is
// one.
type counted struct {
	http.Handler
	password string

	mu       sync.Mutex
	uploads  int
	received int64
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, given, _ := r.BasicAuth(); given != c.password {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPatch {
		c.mu.Lock()
		c.uploads++
		c.received += r.ContentLength
		c.mu.Unlock()
	}
	c.Handler.ServeHTTP(w, r)
}

func countedRegistry(t *testing.T, password string) (*counted, string) {
	c := &counted{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), password: password}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return c, strings.TrimPrefix(s.URL, "http://")
}

func TestAPushedImageIsTheSameAndNoLayerIsSentTwice(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase, []string{"etc/", "etc/x"})
	tools, tool := aTool(t, "#!/bin/sh\n"+strings.Repeat("#\n", 1<<20))
	b := &Builder{Cache: t.TempDir(), Catalogue: tools}
	to, at := countedRegistry(t, "")
	without, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Push(t.Context(), without, at+"/team/builder"); err != nil {
		t.Fatal(err)
	}
	before := to.uploads
	image, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}, Picks: []catalogue.Pick{tool}})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := Push(t.Context(), image, at+"/team/builder")
	if err != nil {
		t.Fatal(err)
	}
	if sent := to.uploads - before; sent != 3 { // the tool, the links, the configuration
		t.Errorf("sent %d blobs, want 3", sent)
	}
	_, tag, _ := strings.Cut(image.Name, ":")
	if !strings.HasPrefix(pushed, at+"/team/builder:"+tag+"@sha256:") {
		t.Errorf("pushed as %s, want tag %s", pushed, tag)
	}
	before = to.uploads
	if again, err := Push(t.Context(), image, at+"/team/builder:new"); err != nil || !strings.Contains(again, "/builder:new@sha256:") {
		t.Errorf("%s, %v", again, err)
	}
	if to.uploads != before {
		t.Errorf("sent %d blobs again", to.uploads-before)
	}

	parsed, err := name.ParseReference(pushed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(parsed)
	if err != nil {
		t.Fatal(err)
	}
	have, err := got.ConfigName()
	if err != nil || have.String() != engineID(t, image) {
		t.Errorf("pulled %s, want %s; %v", have, engineID(t, image), err)
	}
}

func TestAPushUsesTheCredentialsThatDockerHas(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase)
	_, at := countedRegistry(t, "secret")
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	image, err := (&Builder{Cache: t.TempDir()}).Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Push(t.Context(), image, at+"/builder"); err == nil || !strings.Contains(err.Error(), "refused; log in to the registry (docker login)") {
		t.Errorf("without credentials: %v", err)
	}
	login := `{"auths": {"` + at + `": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("ann:secret")) + `"}}}`
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(login), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Push(t.Context(), image, at+"/builder"); err != nil {
		t.Error(err)
	}
}

func TestADamagedLayerIsNotPushed(t *testing.T) {
	host, _ := newRegistry(t)
	ref := push(t, host+"/base:1", runtime.GOARCH, smallBase)
	b := &Builder{Cache: t.TempDir()}
	image, err := b.Image(t.Context(), catalogue.Spec{Base: catalogue.Base{Image: ref}})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.Cache, "bases", "*", layerName(0)))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content[0]++ // of the same size
	if err := os.WriteFile(files[0], content, 0o644); err != nil {
		t.Fatal(err)
	}
	_, at := countedRegistry(t, "")
	if _, err := Push(t.Context(), image, at+"/builder"); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "does not answer") {
		t.Errorf("got %v", err)
	}
}
