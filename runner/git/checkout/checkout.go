package checkout

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"buildbisect/runner/git"
	"buildbisect/runner/git/attributes"
)

const attributesName = ".gitattributes"

// rulesIn reads the .gitattributes of one folder, given by its entries. The top has rules even without
// one: git's own.
func rulesIn(r *git.Repository, entries []object.TreeEntry, dir string, above *attributes.Rules) (*attributes.Rules, error) {
	for _, entry := range entries {
		if entry.Name != attributesName || entry.Mode == filemode.Dir || entry.Mode == filemode.Submodule {
			continue
		}
		// Of a symbolic link a checkout reads where it points to as if that were the rules.
		blob, content, err := r.Objects.Open(plumbing.BlobObject, entry.Hash)
		if err != nil {
			return nil, err
		}
		defer content.Close()
		if blob.Size() >= attributes.LargestFile {
			break
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, content); err != nil {
			return nil, err
		}
		return attributes.NewRules(text.Bytes(), dir, above), nil
	}
	if above == nil {
		return attributes.NewRules(nil, dir, nil), nil
	}
	return above, nil
}

// mostComparisons bounds how often a rule is compared with a file: a few objects can make billions of both.
const mostComparisons = 500_000_000

// converter finds the conversions of one commit's files. Many files share one.
type converter struct {
	shared   map[attributes.Conversion]*attributes.Conversion
	compared int
}

// convert notes what the rules say of a file, given by its path from the top of its repository.
func (c *converter) convert(ctx context.Context, f *file, rules *attributes.Rules, path string) error {
	before := c.compared
	c.compared += rules.Len()
	switch {
	case c.compared == before:
		return nil
	case c.compared > mostComparisons:
		return &git.HostileTreeError{Path: f.path, Why: fmt.Sprintf("the rules of .gitattributes would be compared with files more than %d times", mostComparisons)}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	found := rules.Conversion(path)
	if found == (attributes.Conversion{}) {
		return nil
	}
	if c.shared == nil {
		c.shared = map[attributes.Conversion]*attributes.Conversion{}
	}
	if c.shared[found] == nil {
		c.shared[found] = &found
	}
	f.attrs = c.shared[found]
	return nil
}

// heldAtMost is the size in bytes up to which a blob is read once, and held while it is converted.
const heldAtMost = 1 << 20

// writeConverted writes a file as a checkout has it, and notes its size for the index of a .git.
func (s *Source) writeConverted(out *tar.Writer, f *file, mode int64) error {
	if f.attrs.Refused != "" {
		return &git.HostileTreeError{Path: f.path, Why: f.attrs.Refused}
	}
	stored := func() (io.ReadCloser, error) {
		_, reader, err := f.repo.Objects.Open(plumbing.BlobObject, f.id)
		return reader, err
	}
	if f.size <= heldAtMost {
		held, _, err := f.repo.Objects.Read(plumbing.BlobObject, f.id)
		if err != nil {
			return err
		}
		stored = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(held)), nil }
	}
	r, err := f.attrs.Render(f.id.String(), stored)
	if errors.Is(err, attributes.ErrLongIdent) {
		return &git.HostileTreeError{Path: f.path, Why: err.Error()}
	}
	if err != nil {
		return err
	}
	if r.Plain != "" {
		s.note(f, fmt.Sprintf(caveatPlain, f.attrs.Encoding, r.Plain))
	}
	f.size = r.Size
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Size: r.Size, Mode: mode, ModTime: FileTime()}); err != nil {
		return err
	}
	return r.Write(out)
}
