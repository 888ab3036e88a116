package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"buildbisect/images/catalogue"
)

// buildFlags build the same bytes from the same pin with the same Go, wherever the source and the Go tree
// lie. With -mod=readonly a module that the pin's go.sum does not know is an error, never an addition.
var buildFlags = []string{"-mod=readonly", "-trimpath", "-buildvcs=false"}

// gotool is this machine's Go, as far as it concerns the tools built with it.
type gotool struct {
	version string   // like go1.26.8
	modules string   // the user's module cache
	proxy   string   // the user's GOPROXY
	env     []string // for builds: nothing of the user's but where things are fetched from and kept
}

// userGo are the settings kept from the user's Go: where modules come from, and where they and compiled
// packages are kept.
var userGo = []string{"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOVCS", "GOAUTH", "GOMODCACHE", "GOCACHE"}

// userEnv are the environment variables a fetch may depend on.
var userEnv = []string{
	"PATH", "HOME", "TMPDIR",
	"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK",
}

func keptEnv() []string {
	var env []string
	for _, name := range userEnv {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// goTool asks, once for each Builder, the go command about itself and the user's settings of it.
func (b *Builder) goTool(ctx context.Context) (*gotool, error) {
	b.asking.Lock()
	defer b.asking.Unlock()
	if b.gotool != nil {
		return b.gotool, nil
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "GOVERSION"}, userGo...)...)
	// Not in the user's folder: a go.mod there may ask for another Go.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local", "PWD="+cmd.Dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("the go command is not in PATH, and this tool is built from its Go module; install Go")
	}
	if err != nil {
		return nil, fmt.Errorf("go env: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	vars := map[string]string{}
	if err := json.Unmarshal(out, &vars); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	g := &gotool{version: vars["GOVERSION"], modules: vars["GOMODCACHE"], proxy: vars["GOPROXY"], env: keptEnv()}
	for _, name := range userGo {
		if name == "GOPROXY" && b.Offline {
			vars[name] = "off"
		}
		g.env = append(g.env, name+"="+vars[name])
	}
	g.env = append(g.env, "GOENV=off", "GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local",
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	b.gotool = g
	return g, nil
}

// released are the names of Go's own releases, for GOTOOLCHAIN: it also takes names that mean programs in
// PATH.
var released = regexp.MustCompile(`^go1\.[0-9]{1,3}(\.[0-9]{1,3}|rc[0-9]{1,2}|beta[0-9]{1,2})?$`)

// compile builds a tool, with the Go that a lock names, if any. It is not run: what it is built from is the
// scenario's, so it is asked for its version in a box, as every tool is once an image of it is in the engine;
// see [Check].
func (b *Builder) compile(ctx context.Context, j job, m *catalogue.Module, locked string) (contents, error) {
	none := contents{}
	g, err := b.goTool(ctx)
	if err != nil {
		return none, err
	}
	if err := catalogue.UnpackPin(m.Pin, filepath.Join(j.scratch, "pin")); err != nil {
		return none, err
	}
	for name, pin := range m.Local {
		if err := catalogue.UnpackPin(pin, filepath.Join(j.scratch, name)); err != nil {
			return none, err
		}
	}

	version, env := g.version, g.env
	if locked != "" && locked != version {
		if !released.MatchString(locked) {
			return none, fmt.Errorf("%s says that it was compiled with %q, which is no release of Go", LockName, locked)
		}
		version, env = locked, append(slices.Clone(env), "GOTOOLCHAIN="+locked) // the last of a name counts; go fetches that one
	}
	out := filepath.Join(j.scratch, "tool")
	args := append([]string{"build"}, buildFlags...)
	args = append(args, "-ldflags", m.LDFlags, "-o", out)
	if m.GCFlags != "" {
		args = append(args, "-gcflags", m.GCFlags)
	}
	fetched := 0
	log := &lines{each: func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			fetched++
			j.note(fmt.Sprintf("compiling, %d modules fetched", fetched))
		}
	}}
	cmd := command(ctx, syscall.SIGINT, "go", append(args, m.Package)...)
	cmd.Dir = filepath.Join(j.scratch, "pin")
	cmd.Env = slices.Concat(env, []string{"PWD=" + cmd.Dir})
	cmd.Stdout, cmd.Stderr = log, log
	j.note("waiting for another compilation")
	b.compiling.Lock()
	defer b.compiling.Unlock()
	j.say("compiling")
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		why := log.tail(10, func(line string) bool { return !strings.HasPrefix(line, "go: downloading ") })
		if b.Offline && strings.Contains(why, "GOPROXY=off") {
			return none, &OfflineError{What: "go build", Need: "some of its Go modules are not in this machine's module cache"}
		}
		return none, fmt.Errorf("%s, go build: %w:\n\t%s", version, err, why)
	}
	j.say("built")
	name := path.Base(j.tool.Dest)
	return contents{Links: map[string]string{j.tool.Dest: name}, Program: name, Go: version}, j.w.program(name, out)
}

// command is a command that is asked to stop when ctx ends, and given a minute to clean up after itself. It
// has a process group of its own, so that a ^C at the terminal reaches it through ctx alone and does not kill
// what it needs for cleaning up.
func command(ctx context.Context, stop syscall.Signal, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(stop) }
	cmd.WaitDelay = time.Minute
	return cmd
}
