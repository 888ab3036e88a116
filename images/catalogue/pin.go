package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/txtar"
)

// CheckPin says what a pin may not be, for a scenario to be refused at its place: see [Module].Pin. Local are
// the names of the folders beside it.
func CheckPin(pin []byte, local ...string) error {
	files := map[string][]byte{}
	for _, f := range txtar.Parse(pin).Files {
		switch _, twice := files[f.Name]; {
		case !fs.ValidPath(f.Name) || f.Name == ".":
			return fmt.Errorf("file %q lies outside of it", f.Name)
		case twice:
			return fmt.Errorf("file %s stands twice", f.Name)
		}
		files[f.Name] = f.Data
		if err := checkIncludes(f); err != nil {
			return err
		}
	}
	if _, ok := files["go.mod"]; !ok {
		return errors.New("holds no go.mod, so that one of a folder above would count")
	}
	mod, err := modfile.Parse("go.mod", files["go.mod"], nil)
	if err != nil {
		return err
	}
	for _, r := range mod.Replace {
		beside, isBeside := strings.CutPrefix(r.New.Path, "../")
		switch {
		case r.New.Version != "": // another module, which go.sum pins
		case isBeside && slices.Contains(local, beside):
		case !strings.HasPrefix(r.New.Path, "./") || !filepath.IsLocal(r.New.Path):
			return fmt.Errorf("go.mod replaces %s with %s, which is no folder of the pin; what it is built from must be pinned", r.Old.Path, r.New.Path)
		}
	}
	return nil
}

// Go's assembler obeys #include, also of files anywhere on the machine, and shows lines of them where they
// are no assembly.
var (
	include     = regexp.MustCompile(`#.*include`)
	nearInclude = regexp.MustCompile(`^\s*#\s*include\s+"[A-Za-z0-9_-][A-Za-z0-9_.-]*"\s*(//.*)?$`)
)

func checkIncludes(f txtar.File) error {
	if strings.EqualFold(path.Ext(f.Name), ".go") || f.Name == "go.sum" {
		return nil
	}
	for line := range bytes.Lines(f.Data) {
		if include.Match(line) && !nearInclude.Match(bytes.TrimSpace(line)) {
			return fmt.Errorf("%s includes what may lie outside of the pin: %.80q; it may include files of its own folder, by their names", f.Name, bytes.TrimSpace(line))
		}
	}
	return nil
}

// UnpackPin writes a txtar's files below dir.
func UnpackPin(pin []byte, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range txtar.Parse(pin).Files {
		if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
			return fmt.Errorf("pin: file %q: %w", f.Name, err)
		}
		if err := root.WriteFile(f.Name, f.Data, 0o644); err != nil {
			return fmt.Errorf("pin: file %q: %w", f.Name, err)
		}
	}
	return nil
}
