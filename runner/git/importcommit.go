package git

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// commit reads a commit and its changes. Without `from` it follows what its branch holds already.
func (i *importer) commit(branch string) error {
	if err := i.ref(branch); err != nil {
		return err
	}
	if i.first == "" {
		i.first = branch
	}
	mark := i.mark()
	people, err := i.people()
	if err != nil {
		return err
	}
	encoding, encoded := i.optional("encoding")
	message, err := i.data()
	if err != nil {
		return err
	}
	var parents []plumbing.Hash
	if tip := i.refs[branch]; !tip.IsZero() {
		parents = append(parents, tip)
	}
	if from, ok := i.optional("from"); ok {
		id, err := i.commitish(from)
		if err != nil {
			return err
		}
		parents = []plumbing.Hash{id}
	}
	var tree *node
	if len(parents) > 0 {
		tree = i.trees[parents[0]]
	}
	for {
		from, ok := i.optional("merge")
		if !ok {
			break
		}
		id, err := i.commitish(from)
		if err != nil {
			return err
		}
		parents = append(parents, id)
	}
	if tree, err = i.changes(tree); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", tree.store(i.imported))
	for _, parent := range parents {
		fmt.Fprintf(&b, "parent %s\n", parent)
	}
	b.WriteString(people)
	if encoded {
		fmt.Fprintf(&b, "encoding %s\n", encoding)
	}
	b.WriteByte('\n')
	b.Write(message)
	id := i.add(plumbing.CommitObject, b.Bytes())
	i.trees[id] = tree
	i.refs[branch] = id
	i.setMark(mark, id)
	return nil
}

// people reads the author, who is the committer if not named, and the committer, as lines of a commit.
func (i *importer) people() (string, error) {
	var author, committer string
	var err error
	text, hasAuthor := i.optional("author")
	if hasAuthor {
		if author, err = i.person("author", text); err != nil {
			return "", err
		}
	}
	text, ok := i.optional("committer")
	if !ok {
		i.next()
		return "", i.fail("`committer` is expected here")
	}
	if committer, err = i.person("committer", text); err != nil {
		return "", err
	}
	if !hasAuthor {
		author = committer
	}
	return "author " + author + "\ncommitter " + committer + "\n", nil
}

// changes applies the lines M, D, R, C and deleteall up to the first that is none of them.
func (i *importer) changes(tree *node) (*node, error) {
	for {
		at, line := i.at, i.line
		text, ok := i.next()
		if !ok {
			return tree, nil
		}
		word, rest, _ := strings.Cut(text, " ")
		var err error
		switch word {
		case "M":
			tree, err = i.modify(tree, rest)
		case "D":
			var path []string
			if path, err = i.lastPath(rest); err == nil && tree.at(path) != nil {
				tree = tree.with(path, nil)
			}
		case "R", "C":
			tree, err = i.move(tree, word, rest)
		case "deleteall":
			tree = nil
		case "N":
			err = i.fail("notes are not understood")
		default:
			i.at, i.line = at, line
			return tree, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// modify reads `MODE REF PATH`, where REF is inline, a mark, or an id.
func (i *importer) modify(tree *node, text string) (*node, error) {
	mode, text, _ := strings.Cut(text, " ")
	ref, text, _ := strings.Cut(text, " ")
	leaf := &node{}
	switch mode {
	case "644", "100644":
		leaf.mode = filemode.Regular
	case "755", "100755":
		leaf.mode = filemode.Executable
	case "120000":
		leaf.mode = filemode.Symlink
	case "160000":
		leaf.mode = filemode.Submodule
	default:
		return nil, i.fail("mode %q: want 100644, 100755, 120000 or 160000", mode)
	}
	path, err := i.lastPath(text)
	if err != nil {
		return nil, err
	}
	switch {
	case leaf.mode == filemode.Submodule:
		if len(ref) != 40 || !isHex(ref) {
			return nil, i.fail("submodule %q: want the full id of a commit", ref)
		}
		leaf.id = plumbing.NewHash(ref)
	case ref == "inline":
		content, err := i.data()
		if err != nil {
			return nil, err
		}
		leaf.id = i.add(plumbing.BlobObject, content)
	default:
		id, ok := i.marks[ref]
		if !ok && len(ref) == 40 && isHex(ref) {
			id = plumbing.NewHash(ref)
		}
		blob, ok := i.objects[id]
		if !ok || blob.Type() != plumbing.BlobObject {
			return nil, i.fail("%q names no blob before this line", ref)
		}
		leaf.id = id
	}
	return tree.with(path, leaf), nil
}

// move reads `FROM TO` of a rename or copy.
func (i *importer) move(tree *node, word, text string) (*node, error) {
	from, rest, err := i.path(text, false)
	if err != nil {
		return nil, err
	}
	to, err := i.lastPath(rest)
	if err != nil {
		return nil, err
	}
	moved := tree.at(from)
	if moved == nil {
		return nil, i.fail("no %q at this point", strings.Join(from, "/"))
	}
	if word == "R" {
		tree = tree.with(from, nil)
	}
	return tree.with(to, moved), nil
}

func (i *importer) lastPath(text string) ([]string, error) {
	path, rest, err := i.path(text, true)
	if err == nil && rest != "" {
		err = i.fail("%q follows the path", rest)
	}
	return path, err
}

// path reads a path, quoted as in C or else up to a space, or to the end of the line if it is the last.
func (i *importer) path(text string, last bool) (path []string, rest string, err error) {
	name := text
	switch {
	case strings.HasPrefix(text, `"`):
		if name, rest, err = unquote(text); err != nil {
			return nil, "", i.fail("path %s: %v", text, err)
		}
		rest = strings.TrimPrefix(rest, " ")
	case !last:
		name, rest, _ = strings.Cut(text, " ")
	}
	path = strings.Split(name, "/")
	for _, part := range path {
		if why := hostile(part); why != "" {
			return nil, "", i.fail("path %q: %s", name, why)
		}
	}
	if strings.Contains(name, "\x00") {
		return nil, "", i.fail("path %q: a NUL in it", name)
	}
	return path, rest, nil
}
