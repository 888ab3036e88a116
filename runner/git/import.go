package git

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// stamp is a file in an imported repository that holds the sha256 of the text it was made from.
const stamp = "imported-from"

// Import loads git fast-import text into a new bare repository in dir and opens it. A dir that already holds the result
// of the same bytes is opened at once; one that holds that of others is replaced; any other folder is refused. The repository is made
// beside dir and renamed, so a kill leaves dir either absent or whole.
//
// The commands understood are blob, commit, tag, reset, feature done, done, progress and comments, and in a commit M (files, links
// and submodules), D, R, C and deleteall. Ids are those that `git fast-import` gives.
func Import(ctx context.Context, r io.Reader, dir string) (*Repository, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:]) + "\n"
	have, err := os.ReadFile(filepath.Join(dir, stamp))
	if err != nil {
		if taken := mustBeFree(dir); taken != nil {
			// Another process may have put it there just now.
			if have, err = os.ReadFile(filepath.Join(dir, stamp)); err != nil {
				return nil, taken
			}
		}
	}
	if err == nil && string(have) == want {
		return openImported(dir)
	}
	made, err := parseImport(ctx, text)
	if err != nil {
		return nil, err
	}
	parent, err := filepath.Abs(filepath.Dir(dir))
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".tmp-")
	if err != nil {
		return nil, fmt.Errorf("import history: %w", err)
	}
	defer os.RemoveAll(temp)
	fresh := filepath.Join(temp, "fresh")
	if err := made.write(fresh, want); err != nil {
		return nil, fmt.Errorf("import history into %s: %w", dir, err)
	}
	if err := swapIn(fresh, dir, filepath.Join(temp, "replaced"), want); err != nil {
		return nil, fmt.Errorf("import history into %s: %w", dir, err)
	}
	return openImported(dir)
}

func openImported(dir string) (*Repository, error) {
	at, found, err := lookIn(dir)
	if err == nil && found {
		return Open(at.gitDir)
	}
	return nil, &NotRepositoryError{Path: dir, Why: "the history imported here is damaged; remove the folder and run again"}
}

// mustBeFree refuses a folder that holds anything not made here.
func mustBeFree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	} else if err != nil {
		return fmt.Errorf("import history: %w", err)
	}
	return fmt.Errorf("import history: %s holds something else; remove it, or name another folder", dir)
}

// swapIn moves fresh to dir. The same put there by another process in the meantime is left: it may be in use already.
func swapIn(fresh, dir, aside, want string) error {
	err := os.Rename(fresh, dir) // fails if dir holds anything
	if err == nil {
		return nil
	}
	if have, readErr := os.ReadFile(filepath.Join(dir, stamp)); readErr != nil {
		return err
	} else if string(have) == want {
		return nil
	}
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// imported is a history in memory.
type imported struct {
	refs    map[string]plumbing.Hash
	head    string // the branch that HEAD names
	order   []plumbing.Hash
	objects map[plumbing.Hash]plumbing.MemoryObject
}

// add stores an object once and returns its id.
func (m *imported) add(kind plumbing.ObjectType, content []byte) plumbing.Hash {
	id := plumbing.ComputeHash(kind, content)
	if _, ok := m.objects[id]; !ok {
		var object plumbing.MemoryObject
		object.SetType(kind)
		_, _ = object.Write(content) // into memory
		m.objects[id] = object
		m.order = append(m.order, id)
	}
	return id
}

// write makes a bare repository in the new folder dir, the stamp last.
func (m *imported) write(dir, sum string) error {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return err
		}
	}
	if len(m.order) > 0 {
		if err := m.writePack(filepath.Join(dir, "objects", "pack")); err != nil {
			return err
		}
	}
	var refs bytes.Buffer
	refs.WriteString("# pack-refs with: sorted \n")
	for _, name := range slices.Sorted(maps.Keys(m.refs)) {
		fmt.Fprintf(&refs, "%s %s\n", m.refs[name], name)
	}
	files := []struct{ name, content string }{
		{"config", "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"},
		{"packed-refs", refs.String()},
		{"HEAD", "ref: " + m.head + "\n"},
		{stamp, sum},
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.content), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func (m *imported) writePack(dir string) error {
	file, err := os.Create(filepath.Join(dir, "incoming"))
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewWriter(file)
	p, err := newPack(buffered, len(m.order))
	if err != nil {
		return err
	}
	for _, id := range m.order {
		object := m.objects[id]
		content, err := object.Reader()
		if err != nil {
			return err
		}
		if err := p.addFrom(id, object.Type(), object.Size(), content); err != nil {
			return err
		}
	}
	name, idx, err := p.finish()
	if err != nil {
		return err
	}
	if err := errors.Join(buffered.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, name+".pack")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".idx"), idx, 0o666)
}

// chooseHead picks the branch that HEAD names: main, else master, else the one committed to first.
func (m *imported) chooseHead(first string) {
	m.head = first
	for _, name := range []string{"refs/heads/master", "refs/heads/main"} {
		if _, ok := m.refs[name]; ok {
			m.head = name
		}
	}
	if !strings.HasPrefix(m.head, "refs/heads/") {
		m.head = "refs/heads/main"
	}
}
