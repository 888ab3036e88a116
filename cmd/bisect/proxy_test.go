package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// lowestAPI points DOCKER_HOST at an engine that takes no client below an API version: this machine's, behind
// a proxy that says so. It answers questions only, so that whoever builds or starts something fails:
// `lowest-api VERSION`.
func lowestAPI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lowest-api VERSION")
	}
	network, address, ok := strings.Cut(ts.Getenv("DOCKER_HOST"), "://")
	if !ok {
		ts.Fatalf("DOCKER_HOST is %q", ts.Getenv("DOCKER_HOST"))
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	proxy.ModifyResponse = func(r *http.Response) error { return raiseLowest(r, args[0]) }
	socket := ts.MkAbs("proxy.sock")
	l, err := net.Listen("unix", socket)
	ts.Check(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, `{"message": "too early"}`, http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ts.Defer(func() {
		server.Close()
		<-served
	})
	ts.Setenv("DOCKER_HOST", "unix://"+socket)
}

// raiseLowest rewrites an engine's answer about its version.
func raiseLowest(r *http.Response, lowest string) error {
	if filepath.Base(r.Request.URL.Path) != "version" {
		return nil
	}
	var said map[string]any
	err := json.NewDecoder(r.Body).Decode(&said)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return fmt.Errorf("version of the engine: %w", err)
	}
	said["MinAPIVersion"] = lowest
	text, err := json.Marshal(said)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return err
}
