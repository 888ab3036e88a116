package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"buildbisect/images"
	"buildbisect/images/catalogue"
	"buildbisect/runner/backend"
)

// set is what stands for an image: pinned tools, and the machine's own programs but for those that are to be
// absent.
type set struct {
	programs map[string]string // name -> file; they come first in PATH
	plugins  map[string]string // of Docker's command line, by file name -> file
	path     []string          // further folders of PATH
	made     *images.Toolset
}

// bins are the folders in which an image has its programs, in the order of its PATH.
var bins = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// pluginFolder is the name of every folder in which Docker's command line looks for plugins. It asks the one
// in HOME first.
const pluginFolder = "cli-plugins"

// idPrefix begins the name of what stands for an image.
const idPrefix = "local:"

// Image makes the tools of spec ready. Its base is not looked at, and what it returns has a name and checks,
// but no layers.
func (e *Engine) Image(ctx context.Context, spec catalogue.Spec) (*images.Image, error) {
	made, err := e.tools.Tools(ctx, spec)
	if err != nil {
		return nil, err
	}
	id := idPrefix + made.Identity[:16]
	e.mu.Lock()
	defer e.mu.Unlock()
	// Also where there is a set of that name: its tools may have been unpacked anew.
	s, err := e.set(made, filepath.Join(e.dir.path, "path-"+made.Identity[:16]))
	if err != nil {
		return nil, err
	}
	e.sets[id] = s
	return &images.Image{Name: id, Checks: made.Checks}, nil
}

// Identity tells what the tools of spec are made of.
func (e *Engine) Identity(ctx context.Context, spec catalogue.Spec) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return e.tools.ToolsIdentity(ctx, spec)
}

// Prepare makes the tools of all specs, several at a time, and says what this machine cannot serve; what is a
// matter of one level alone is left for its trials to say.
func (e *Engine) Prepare(ctx context.Context, specs []catalogue.Spec) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4) // downloads wait
	for _, spec := range specs {
		g.Go(func() error {
			_, err := e.Image(ctx, spec)
			if u := backend.Untestable(nil); errors.As(err, &u) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// set arranges tools. Dir is where folders of links go, if any are needed.
func (e *Engine) set(made *images.Toolset, dir string) (*set, error) {
	s := &set{programs: map[string]string{}, plugins: map[string]string{}, path: e.path, made: made}
	for _, from := range slices.Sorted(maps.Keys(made.Links)) {
		if name := path.Base(from); path.Base(path.Dir(from)) == pluginFolder && s.plugins[name] == "" {
			s.plugins[name] = made.Links[from]
		}
	}
	for _, bin := range bins {
		for from, to := range made.Links {
			if name := path.Base(from); path.Dir(from) == bin && s.programs[name] == "" {
				s.programs[name] = to
			}
		}
	}
	for _, tool := range slices.Sorted(maps.Keys(made.Dests)) {
		dest := made.Dests[tool]
		if name := path.Base(dest); s.programs[name] == "" && s.plugins[name] == "" {
			return nil, fmt.Errorf("tool %s: it goes to %s, and a build on the machine itself is given tools by their names in PATH, or as Docker's plugins, only; give it another dest, like /usr/local/bin/%s", tool, dest, name)
		}
	}
	err := e.hide(s, made.Hidden, dir)
	return s, err
}

// hide takes programs out of the machine's PATH: a folder that has one is replaced by links to all others in
// it.
func (e *Engine) hide(s *set, hidden []string, dir string) error {
	names := map[string]bool{}
	for _, h := range hidden {
		name, folder := path.Base(h), path.Dir(h)
		switch {
		case slices.Contains(bins, folder), slices.Contains(e.path, folder):
			names[name] = s.programs[name] == "" // another tool's program of that name is meant to be there
		case path.Base(folder) != pluginFolder, strings.HasPrefix(folder, "/root/"):
			// nobody looks there, unless by the whole path; HOME is another
		case exists(h) && s.plugins[name] == "":
			return backend.NewUntestable(fmt.Errorf("this machine has %s, which Docker's command line finds by itself: it cannot be hidden from a build on the machine itself; remove it, or leave that level out", h))
		}
	}
	s.path = slices.Clone(e.path)
	for i, folder := range e.path {
		list, err := os.ReadDir(folder)
		if err != nil || !slices.ContainsFunc(list, func(d fs.DirEntry) bool { return names[d.Name()] }) {
			continue // a folder that cannot be read serves nobody; it is left as it is
		}
		s.path[i] = filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(s.path[i], 0o700); err != nil {
			return infrastructuref("hide programs of %s: %w", folder, err)
		}
		for _, d := range list {
			if names[d.Name()] {
				continue
			}
			if err := os.Symlink(filepath.Join(folder, d.Name()), filepath.Join(s.path[i], d.Name())); err != nil && !os.IsExist(err) {
				return infrastructuref("hide programs of %s: %w", folder, err)
			}
		}
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// searchPath are the folders of a PATH that mean the same whatever the current folder is; where there are
// none, the usual ones.
func searchPath(env string) (folders []string) {
	for _, folder := range filepath.SplitList(env) {
		if folder = filepath.Clean(folder); filepath.IsAbs(folder) && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	if len(folders) == 0 {
		return slices.Clone(bins)
	}
	return folders
}
