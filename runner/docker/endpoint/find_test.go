package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nowhere gives t a machine without docker settings of its own, and a folder short enough for sockets.
func nowhere(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bisect-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "config"))
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(dir, "run"))
	return dir
}

func unavailable(t *testing.T) *UnavailableError {
	t.Helper()
	_, _, err := Find(t.Context())
	var u *UnavailableError
	if !errors.As(err, &u) {
		t.Fatalf("got %v", err)
	}
	return u
}

func TestAMissingEngineIsToldApartFromADeadOne(t *testing.T) {
	dir := nowhere(t)
	t.Setenv("DOCKER_HOST", "unix://"+dir+"/none.sock")
	if u := unavailable(t); !errors.Is(u, fs.ErrNotExist) || u.Permission() || !strings.Contains(u.Error(), "DOCKER_HOST unix://"+dir+"/none.sock: no such socket") {
		t.Errorf("got %v", u)
	}

	dead := filepath.Join(dir, "dead.sock")
	listener, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	t.Setenv("DOCKER_HOST", "unix://"+dead)
	if u := unavailable(t); !errors.Is(u, syscall.ECONNREFUSED) || !strings.Contains(u.Error(), "connection refused") {
		t.Errorf("got %v", u)
	}
}

func TestASocketWithoutPermissionSaysWhichGroup(t *testing.T) {
	u := &UnavailableError{Tried: []Attempt{{"default socket", "unix:///var/run/docker.sock",
		&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}}}}
	if !u.Permission() || !strings.Contains(u.Error(), "permission denied") || !strings.Contains(u.Advice(), "usermod -aG docker") {
		t.Errorf("got %v", u)
	}
	if os.Getuid() == 0 {
		return // root may open every socket
	}
	dir := nowhere(t)
	locked := filepath.Join(dir, "locked.sock")
	listener, err := net.Listen("unix", locked)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", "unix://"+locked)
	if u := unavailable(t); !u.Permission() {
		t.Errorf("got %v", u)
	}
}

func TestTheUsualPlacesAreTriedInOrder(t *testing.T) {
	dir := nowhere(t)
	places, attempt := candidates()
	if attempt != nil {
		t.Fatal(attempt.Err)
	}
	var hosts []string
	for _, p := range places {
		hosts = append(hosts, p.Host)
	}
	want := "unix:///var/run/docker.sock unix://" + dir + "/run/docker.sock unix://" + dir + "/.docker/run/docker.sock unix://" + dir + "/.docker/desktop/docker.sock"
	if got := strings.Join(hosts, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestADockerContextIsFollowed(t *testing.T) {
	dir := nowhere(t)
	config := filepath.Join(dir, "config")
	hash := sha256.Sum256([]byte("far"))
	meta := filepath.Join(config, "contexts", "meta", hex.EncodeToString(hash[:]))
	if err := os.MkdirAll(meta, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(meta, "meta.json"), `{"Name":"far","Endpoints":{"docker":{"Host":"unix:///far.sock","SkipTLSVerify":false}}}`)
	write(filepath.Join(config, "config.json"), `{"currentContext":"far"}`)
	places, attempt := candidates()
	if attempt != nil || len(places) != 1 || places[0].Host != "unix:///far.sock" {
		t.Errorf("config.json: got %+v, %+v", places, attempt)
	}

	t.Setenv("DOCKER_CONTEXT", "nowhere")
	if u := unavailable(t); !strings.Contains(u.Error(), `docker context "nowhere"`) || !strings.Contains(u.Error(), "docker context ls") {
		t.Errorf("got %v", u)
	}

	t.Setenv("DOCKER_HOST", "unix:///explicit.sock")
	if places, _ := candidates(); len(places) != 1 || places[0].Host != "unix:///explicit.sock" {
		t.Errorf("DOCKER_HOST must win: got %+v", places)
	}
}

func TestAnSSHEndpointSaysHowToForwardIt(t *testing.T) {
	nowhere(t)
	t.Setenv("DOCKER_HOST", "ssh://user@example.invalid")
	if u := unavailable(t); !strings.Contains(u.Error(), "ssh -L") {
		t.Errorf("got %v", u)
	}
}
