package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"buildbisect/runner/backend"
)

// box is a folder, with what runs for it.
type box struct {
	engine  *Engine
	name    string
	dir     string // holds the folders below
	workdir string // what BoxSpec calls the work folder; it is dir/work
	env     []string
	tools   *set
	shared  string // a folder that it shares with others; "": none
	word    string // random; the environment of the box's processes has it in boxVariable

	mu       sync.Mutex
	sessions map[int]bool // of stages
	over     bool         // killed, or closed
	closed   bool
}

var (
	_ backend.Box        = (*box)(nil)
	_ backend.FileReader = (*box)(nil)
)

func (b *box) work() string { return filepath.Join(b.dir, "work") }
func (b *box) home() string { return filepath.Join(b.dir, "home") }
func (b *box) temp() string { return filepath.Join(b.dir, "tmp") }
func (b *box) bin() string  { return filepath.Join(b.dir, "bin") }

// Start makes a box: a folder with an empty work folder, HOME and TMPDIR, and links to the tools of spec's
// image. Limits and Network are not looked at.
func (e *Engine) Start(ctx context.Context, spec backend.BoxSpec) (_ backend.Box, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if spec.Name == "" {
		spec.Name = "bisect-" + strings.ToLower(rand.Text()[:10])
	}
	what := "start box " + spec.Name
	if spec.Dockerd != nil || spec.Socket {
		return nil, fmt.Errorf("%s: a build on the machine itself has no Docker engine of bisect's", what)
	}
	if !filepath.IsLocal(spec.Name) || strings.Contains(spec.Name, "/") {
		return nil, fmt.Errorf("%s: want a name that can be a folder's", what)
	}
	e.mu.Lock()
	tools := e.sets[spec.Image]
	e.mu.Unlock()
	if tools == nil {
		return nil, infrastructuref("%s: tools %s are not known to this runner: make them again", what, spec.Image)
	}
	b := &box{
		engine: e, name: spec.Name, dir: filepath.Join(e.dir.path, spec.Name), workdir: path.Clean("/" + spec.Workdir),
		sessions: map[int]bool{}, tools: tools, shared: spec.Shared, word: e.dir.word() + "." + strings.ToLower(rand.Text()),
	}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return nil, infrastructuref("%s: %w", what, err)
	}
	if b.env, err = b.fill(tools, spec); err != nil {
		_ = removeAll(b.dir)
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.boxes[b] = true
	return b, nil
}

// fill makes the box's folders and returns its environment.
func (b *box) fill(tools *set, spec backend.BoxSpec) ([]string, error) {
	for _, dir := range []string{b.work(), b.home(), b.temp(), b.bin()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, infrastructuref("%w", err)
		}
	}
	plugins := filepath.Join(b.home(), ".docker", pluginFolder)
	if len(tools.plugins) > 0 {
		if err := os.MkdirAll(plugins, 0o755); err != nil {
			return nil, infrastructuref("%w", err)
		}
		for _, name := range []string{"HOME", "DOCKER_CONFIG"} {
			if slices.ContainsFunc(spec.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
				return nil, fmt.Errorf("the scenario sets %s, and plugins of Docker's command line are given to a build on the machine itself in the HOME of its box: leave %[1]s out", name)
			}
		}
	}
	for dir, links := range map[string]map[string]string{b.bin(): tools.programs, plugins: tools.plugins} {
		for name, to := range links {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				return nil, infrastructuref("%w", err)
			}
		}
	}
	return b.environment(tools, append(slices.Clone(spec.Env), spec.Secrets...)), nil
}

// environment is the build's: of this process's own it has PATH alone, behind the pinned tools, also where
// the scenario sets PATH. A bare NAME unsets.
func (b *box) environment(tools *set, given []string) []string {
	env := map[string]string{
		"PATH": strings.Join(tools.path, ":"), "HOME": b.home(), "TMPDIR": b.temp(), boxVariable: b.word,
	}
	for _, e := range given {
		if name, value, set := strings.Cut(e, "="); set {
			env[name] = value
		} else {
			delete(env, name)
		}
	}
	if path, ok := env["PATH"]; ok {
		env["PATH"] = b.bin() + ":" + path
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// Close ends what still runs, and removes the box's folder. Once it has worked it does nothing.
func (b *box) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.over = true
	err := b.end()
	if err == nil {
		if err = removeAll(b.dir); err != nil {
			err = infrastructuref("remove box %s: %w", b.name, err)
		}
	}
	b.closed = err == nil
	return err
}

// kill ends everything in the box.
func (b *box) kill() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.end()
}

// end ends the box's processes: those of its stages' sessions, those that have its word, what descends from a
// stage and works in its folder, the descendants of all these; and where no other box is open, those that
// could be of any.
func (b *box) end() error {
	strays := map[process]bool{}
	e := b.engine
	e.mu.Lock()
	delete(e.boxes, b)
	if len(e.boxes) == 0 { // none can start until we have looked
		for _, pid := range children(e.self) {
			if p, err := readProcess(pid); err == nil && e.stray(p) {
				strays[p.lasting()] = true
			}
		}
	}
	e.mu.Unlock()
	return e.end(func(p process) bool {
		return b.sessions[p.session] || strays[p.lasting()] || p.has(b.word, "") || p.worksIn(b.dir) && e.below(p)
	})
}

// harmed returns an error if a build has changed the tools: what was built with them since says nothing. Of
// several boxes at a time nobody knows whose build it was.
func (b *box) harmed(what string) error {
	err := b.tools.made.Changed()
	if err == nil {
		return nil
	}
	err = infrastructuref("%s: a build has changed its own tools, which others have too: %w; they are unpacked anew; have builds write elsewhere (PYTHONDONTWRITEBYTECODE=1 keeps Python from it), or run bisect as a user other than root", what, err)
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	if len(b.engine.boxes) == 1 {
		return &backend.Suspected{Err: err}
	}
	return err
}

// there returns an error if the folder of the box is gone: its build has removed it, or somebody has ended
// the box from outside.
func (b *box) there(what string) error {
	var gone []string
	for _, dir := range []string{b.dir, b.bin()} {
		if !exists(dir) {
			gone = append(gone, dir)
		}
	}
	if len(gone) > 0 {
		return &backend.Suspected{Err: infrastructuref("%s: its folder is gone (%s): the build has removed it, or somebody else", what, gone[0])}
	}
	return nil
}
