package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"buildbisect/scenarios/document"
)

const (
	defaultFile = "bisect.yaml"   // of a user's folder
	shippedFile = "scenario.yaml" // of a shipped scenario's folder
)

// Load reads the scenario at path: a file, or a folder that holds bisect.yaml. A file that is no valid
// scenario gives [Mistakes]; one that cannot be read, an error that wraps the reason.
func Load(path string) (*Scenario, error) { return load(path, false) }

func load(path string, untrusted bool) (*Scenario, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, defaultFile)
		info, err = os.Stat(path)
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("scenario %s: not a regular file", path) // to open a named pipe could block for ever
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", path, err)
	}
	open := func() (*os.File, error) { return os.Open(path) }
	if untrusted {
		open = func() (*os.File, error) { return openWithin(Top(dir), filepath.Join(dir, filepath.Base(path))) }
	}
	f, err := open()
	if errors.Is(err, errOutside) {
		return nil, fmt.Errorf("scenario %s: --untrusted: it is a link that leads out of its repository, %s; name the file itself", path, Top(dir))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("scenario %s: %w; give a file, a folder that holds %s, or one of %s",
			path, fs.ErrNotExist, defaultFile, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", path, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, document.MaxFile+1)) // one more, for Decode to see that it is too large
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", path, cause(err))
	}
	return decode(path, data, os.DirFS(dir), dir, untrusted)
}

// Open reads the scenario that a user names: a shipped one by its name, or else a path, as Load does. What
// looks like a path is one.
func Open(name string) (*Scenario, error) { return open(name, false) }

// OpenUntrusted is Open for a scenario that nobody has read: a file that it names outside of the repository
// that it lies in is one of its mistakes, and is not opened. What else it asks for and must not have is in
// [Scenario.Refused].
func OpenUntrusted(name string) (*Scenario, error) { return open(name, true) }

func open(name string, untrusted bool) (*Scenario, error) {
	if strings.ContainsRune(name, filepath.Separator) || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)) {
		return load(name, untrusted)
	}
	if slices.Contains(Names(), name) {
		files := shippedFiles()
		data, err := fs.ReadFile(files, name+"/"+shippedFile)
		if err != nil {
			return nil, fmt.Errorf("shipped scenario %s: %w", name, err)
		}
		return Decode(name, data, files, name)
	}
	if _, err := os.Stat(name); name != "" && err == nil {
		return load(name, untrusted)
	}
	return nil, fmt.Errorf("scenario %q: neither a shipped one nor a file here; %s; or give the path of a file or folder",
		name, choices(name, Names()))
}

// Names lists the shipped scenarios, sorted.
func Names() []string {
	paths, err := fs.Glob(shippedFiles(), "*/"+shippedFile)
	if err != nil {
		return nil // only a malformed pattern
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.ToSlash(filepath.Dir(path))
	}
	return names
}

//go:embed all:conmon-364 all:go-60529 all:k8s-115477 all:k8s-98646 all:k8s-98646-canary all:k8s-98646-fix all:retropie-3713
var shipped embed.FS

// shippedFiles holds one folder for each shipped scenario, of its name.
func shippedFiles() fs.FS { return shipped }

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 7) of scenario files, for editors. It knows keys, types and
// spellings; what needs the whole file, such as whether a stage exists, only Decode knows.
func Schema() []byte { return slices.Clone(schema) }
