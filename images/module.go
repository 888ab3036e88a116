package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"buildbisect/images/catalogue"
	"buildbisect/images/unpack"
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

// goTools has tools from Go modules.
type goTools struct {
	*workshop
	compiling sync.Mutex // held while something is compiled: that takes the whole machine

	mu    sync.Mutex // guards asked
	asked *gotool
}

// ask asks, once, the go command about itself and the user's settings of it.
func (g *goTools) ask(ctx context.Context) (*gotool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked != nil {
		return g.asked, nil
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
	tool := &gotool{version: vars["GOVERSION"], modules: vars["GOMODCACHE"], proxy: vars["GOPROXY"], env: keptEnv()}
	for _, name := range userGo {
		if name == "GOPROXY" && g.offline {
			vars[name] = "off"
		}
		tool.env = append(tool.env, name+"="+vars[name])
	}
	tool.env = append(tool.env, "GOENV=off", "GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local",
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	g.asked = tool
	return tool, nil
}

// released are the names of Go's own releases, for GOTOOLCHAIN: it also takes names that mean programs in
// PATH.
var released = regexp.MustCompile(`^go1\.[0-9]{1,3}(\.[0-9]{1,3}|rc[0-9]{1,2}|beta[0-9]{1,2})?$`)

// compile builds a tool, with the Go that a lock names, if any. It is not run: what it is built from is the
// scenario's, so it is asked for its version in a box, as every tool is once an image of it is in the engine;
// see [Check].
func (g *goTools) compile(ctx context.Context, j job, m *catalogue.Module, locked string) (contents, error) {
	none := contents{}
	tool, err := g.ask(ctx)
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

	version, env := tool.version, tool.env
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
	j.note("") // one waits for another, which tells how long it takes
	g.compiling.Lock()
	defer g.compiling.Unlock()
	j.say("compiling")
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		why := log.tail(10, func(line string) bool { return !strings.HasPrefix(line, "go: downloading ") })
		if g.offline && strings.Contains(why, "GOPROXY=off") {
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

// take has a tool from a module as it lies there, fetched and checked by the go command.
func (g *goTools) take(ctx context.Context, j job, m *catalogue.Module) (contents, error) {
	none := contents{}
	tool, err := g.ask(ctx)
	if err != nil {
		return none, err
	}
	cmd := command(ctx, syscall.SIGINT, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Dir = j.scratch
	// Into a folder that is removed: the user's would keep it, unpacked, for good. What lies in the user's is
	// taken from there. The sum is checked below, so no other's word is needed for it.
	proxies := "file://" + filepath.ToSlash(tool.modules) + "/cache/download"
	if !g.offline {
		proxies += "," + tool.proxy
	}
	env := tool.env
	if g.guarded { // no server that the module's path names: only the user's proxies, and no program that speaks to others
		proxies = withoutDirect(proxies)
		env = append(slices.Clone(env), "GOVCS=*:off", "GONOPROXY=none", "GOPRIVATE=", "GOINSECURE=")
	}
	cmd.Env = slices.Concat(env, []string{"PWD=" + j.scratch, "GOMODCACHE=" + filepath.Join(j.scratch, "modules"), "GOPROXY=" + proxies, "GONOSUMDB=" + m.Path})
	var said lines
	said.each = func(string) {}
	cmd.Stderr = &said
	j.say("fetching module " + m.Path + "@" + m.Version)
	out, err := cmd.Output()
	var got struct{ Zip, Sum, Error string }
	_ = json.Unmarshal(out, &got) // what it says is more telling than how it ends
	switch {
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	case g.offline && got.Error != "":
		return none, &OfflineError{What: "module " + m.Path, Need: "it is not in this machine's module cache"}
	case got.Error != "":
		return none, fmt.Errorf("go mod download: %s", got.Error)
	case err != nil:
		return none, fmt.Errorf("go mod download: %w: %s", err, said.tail(4, func(string) bool { return true }))
	case got.Sum != m.Sum:
		return none, fmt.Errorf("the module has the sum %s, and %s is asked for; correct the one, or do not trust the other", got.Sum, m.Sum)
	}
	j.say("unpacking")
	zip := unpack.Archive{Path: got.Zip, Executable: executable, Limit: g.most()}
	if j.tool.Tree == "" {
		return single(j, func(to string) error {
			return extractMember(ctx, zip, path.Join(m.Path+"@"+m.Version, j.tool.Program), to)
		})
	}
	return folderOf(j.tool), zip.Tree(ctx, m.Path+"@"+m.Version, func(h *tar.Header, in io.Reader) error {
		dir, base := path.Split(h.Name)
		if base != "_go.mod" {
			return j.w.add(*h, in)
		}
		// No module's zip can hold another's go.mod: it lies there under this name, and the go command puts
		// it back.
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		back := *h
		back.Name = dir + "go.mod"
		return errors.Join(j.w.add(*h, bytes.NewReader(content)), j.w.add(back, bytes.NewReader(content)))
	})
}

// withoutDirect leaves out of a GOPROXY list what is no proxy.
func withoutDirect(proxies string) string {
	words := strings.FieldsFunc(proxies, func(r rune) bool { return r == ',' || r == '|' })
	words = slices.DeleteFunc(words, func(word string) bool { return strings.TrimSpace(word) == "direct" })
	return strings.Join(words, ",")
}

// executable is what the go command makes executable of a toolchain module, whose zip has no modes.
func executable(name string) bool {
	dir := path.Dir(name)
	inLib, _ := path.Match("go_?*_?*_exec", path.Base(name))
	return strings.HasPrefix(name, "bin/") || path.Dir(dir) == "pkg/tool" || strings.HasPrefix(name, "lib/") && inLib
}
