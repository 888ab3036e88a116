package checkout

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"buildbisect/runner/git"
	"buildbisect/runner/git/gittest"
)

// FuzzWriteTar makes a commit of trees that git itself would never write, and reads the tar back. A tar holds
// just what the trees name, each thing once and below a folder of its own; where they name what must not be
// unpacked, there is none, and no byte of one.
//
// root and sub are trees as git stores them, but that a letter stands for an object's id: see
// [oddRepository]. target is the content of a file or symbolic link, modules a .gitmodules.
func FuzzWriteTar(f *testing.F) {
	o := newOddRepository(f)
	f.Fuzz(func(t *testing.T, root, sub []byte, target, modules string, submodules, git bool) {
		o.fuzz(t, root, sub, target, modules, SourceOptions{Submodules: submodules, Git: git}, 0)
	})
}

// oddRepository is a repository for odd commits. What letters stand for: l target, g modules, n a number; f a
// tree with the file `same`, t sub; m a commit of the submodule m, o one of a repository that is no
// submodule's. Any other stands for the id of nothing.
type oddRepository struct {
	dir                             string
	number, folder, pinned, outside plumbing.Hash
}

func newOddRepository(f testing.TB) *oddRepository {
	dir, module, other := gittest.Line(f, 1), gittest.Line(f, 2), gittest.Line(f, 3)
	gittest.Run(f, dir, "clone", "-q", "--bare", module, ".git/modules/m")
	gittest.Run(f, dir, "clone", "-q", "--bare", other, ".git/other")
	id := func(dir, rev string) plumbing.Hash { return plumbing.NewHash(gittest.Run(f, dir, "rev-parse", rev)) }
	return &oddRepository{dir: dir, folder: id(dir, "HEAD:folder"), number: id(dir, "HEAD:number"), pinned: id(module, "HEAD"), outside: id(other, "HEAD")}
}

// expected is what a tar must hold: what stands at each path, and whether there must be one, must be none, or
// either is right.
type expected struct {
	at         map[string]string // "dir", "link to …", "file …", by path
	wrong      string            // why there must be no tar; "": nothing is known against it
	perhaps    bool              // a submodule may stand against it
	lacking    bool              // an object is not there, or of another kind: a clone that is not whole is for its user to mend
	submodules bool
}

// spelledEntry is one of a tree where letters stand for ids.
type spelledEntry struct {
	mode, name string
	letter     byte
}

// spell makes a tree of one where letters stand for ids. What cannot be a tree's is left as it is.
func spell(spelled []byte, ids map[byte]plumbing.Hash) (raw []byte, entries []spelledEntry, malformed bool) {
	for rest := spelled; len(rest) > 0; {
		head, after, ended := bytes.Cut(rest, []byte{0})
		mode, name, named := bytes.Cut(head, []byte(" "))
		if !ended || !named || len(after) == 0 {
			return append(raw, rest...), entries, true
		}
		letter := after[0]
		id, known := ids[letter]
		if !known {
			letter = '?'
			id = plumbing.NewHash(strings.Repeat("3f", 20)) // of nothing
		}
		raw = append(append(append(raw, head...), 0), id[:]...)
		entries = append(entries, spelledEntry{string(mode), string(name), letter})
		rest = after[1:]
	}
	return raw, entries, false
}

// walk notes what a tree must give. depth is how many folders it lies in.
func (e *expected) walk(entries []spelledEntry, dir string, depth int, tree func(letter byte) ([]spelledEntry, bool), file func(letter byte) (string, bool)) {
	refuse := func(format string, args ...any) { e.wrong = fmt.Sprintf(format, args...) }
	if depth > git.DeepestTree {
		refuse("%d deep", depth)
	}
	for _, entry := range entries {
		at := dir + entry.name
		_, twice := e.at[at]
		mode, err := strconv.ParseUint(entry.mode, 8, 32)
		switch {
		case err != nil:
			refuse("mode %q", entry.mode)
			return
		case twice, entry.name == "", entry.name == ".", entry.name == "..", strings.Contains(entry.name, "/"), strings.EqualFold(entry.name, ".git"), len(entry.name) > 255, len(at) > git.LongestPath:
			refuse("name %q", entry.name)
			return
		}
		switch mode & 0o170000 {
		case 0o040000:
			e.at[at] = "dir"
			if inner, ok := tree(entry.letter); ok {
				e.walk(inner, at+"/", depth+1, tree, file)
			} else {
				refuse("no tree %q", entry.letter)
				e.lacking = true
			}
		case 0o100000, 0o120000:
			content, ok := file(entry.letter)
			if !ok {
				refuse("no content %q", entry.letter)
				e.lacking = true
			}
			if mode&0o170000 == 0o100000 {
				e.at[at] = "file " + content
				continue
			}
			e.at[at] = "link to " + content
			if content == "" || len(content) > 4095 || strings.Contains(content, "\x00") {
				refuse("link to %q", content)
			}
		default:
			e.at[at] = "dir"
			if e.submodules {
				e.perhaps = true // its .gitmodules may say anything
				for name, what := range map[string]string{"number": "file 2\n", "folder": "dir", "folder/same": "file same\n"} {
					e.at[at+"/"+name] = what
				}
			}
			if e.submodules && entry.letter != 'm' {
				refuse("no submodule %q", entry.letter)
			}
		}
	}
}

// Deep ones are too slow to make for the fuzzer to play with.
func TestATreeMayBeDeepAndNotTooDeep(t *testing.T) {
	o := newOddRepository(t)
	for _, depth := range []int{git.DeepestTree - 1, git.DeepestTree, git.DeepestTree + 1} {
		for _, root := range []string{"100644 a\x00n", "40000 a\x00f"} {
			o.fuzz(t, []byte(root), nil, "", "", SourceOptions{}, depth)
		}
	}
}

// fuzz makes a commit whose root lies in depth folders, and wants of its tar what the trees say.
func (o *oddRepository) fuzz(t *testing.T, root, sub []byte, target, modules string, options SourceOptions, depth int) {
	if bytes.Contains(slices.Concat(root, sub), []byte(attributesName)) {
		t.Skip("what attributes do to files is compared with git")
	}
	var made []string
	store := func(kind plumbing.ObjectType, content string) plumbing.Hash {
		id := plumbing.ComputeHash(kind, []byte(content))
		file := filepath.Join(o.dir, ".git", "objects", id.String()[:2], id.String()[2:])
		if _, err := os.Lstat(file); err != nil { // else it is one of those that stay
			hashObject(t, o.dir, kind, content)
			made = append(made, file)
		}
		return id
	}
	defer func() {
		for _, file := range made {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	}()
	contents := map[byte]string{'l': target, 'g': modules, 'n': "1\n"}
	ids := map[byte]plumbing.Hash{
		'l': store(plumbing.BlobObject, target), 'g': store(plumbing.BlobObject, modules), 'n': o.number, 'f': o.folder, 'm': o.pinned, 'o': o.outside,
	}
	rawSub, subEntries, malformedSub := spell(sub, ids)
	subID := store(plumbing.TreeObject, string(rawSub))
	ids['t'] = subID
	raw, entries, malformed := spell(root, ids)
	id := store(plumbing.TreeObject, string(raw))
	for range depth {
		id = store(plumbing.TreeObject, "40000 d\x00"+string(id[:]))
	}
	commit := store(plumbing.CommitObject, fmt.Sprintf("tree %s\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nodd\n", id))

	want := &expected{at: map[string]string{}, submodules: options.Submodules}
	dir := ""
	for range depth {
		want.at[dir+"d"], dir = "dir", dir+"d/"
	}
	want.walk(entries, dir, depth, func(letter byte) ([]spelledEntry, bool) {
		switch letter {
		case 't':
			if malformedSub {
				want.wrong = "malformed"
			}
			return subEntries, true
		case 'f':
			return []spelledEntry{{"100644", "same", 's'}}, true
		}
		return nil, false
	}, func(letter byte) (string, bool) {
		if letter == 's' {
			return "same\n", true
		}
		content, ok := contents[letter]
		return content, ok
	})
	if malformed {
		want.wrong = "malformed"
	}

	var b bytes.Buffer
	err := NewSource(opened(t, o.dir), options).WriteTar(t.Context(), commit.String(), &b)
	var hostile *git.HostileTreeError
	var missing *git.SubmodulesError
	switch {
	case (errors.As(err, &hostile) && !strings.Contains(hostile.Why, "symbolic link") || errors.As(err, &missing)) && b.Len() > 0: // links are read as they are written
		t.Fatalf("%v, after %d bytes", err, b.Len())
	case err == nil && want.wrong != "":
		t.Fatalf("a tar though %s", want.wrong)
	case err != nil && want.wrong == "" && !want.perhaps:
		t.Fatal(err)
	case err != nil && hostile == nil && missing == nil && !want.lacking && !want.perhaps:
		t.Fatalf("%v: this commit alone is wrong, and it would end the run", err)
	case err != nil:
		return
	}
	o.compare(t, &b, want.at, options.Git)
}

// compare reads a tar as whoever unpacks it must be able to: each folder before what is in it, and nothing
// through a link or a file.
func (o *oddRepository) compare(t *testing.T, in io.Reader, want map[string]string, git bool) {
	got := map[string]string{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		if !filepath.IsLocal(name) || path.Clean(name) != name || name == "." {
			t.Fatalf("name %q", h.Name)
		}
		if above := path.Dir(name); above != "." && got[above] != "dir" {
			t.Fatalf("%q lies below %q", name, got[above])
		}
		if _, twice := got[name]; twice {
			t.Fatalf("%q comes twice", name)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			got[name] = "dir"
		case tar.TypeReg:
			got[name] = "file " + string(content)
		case tar.TypeSymlink:
			got[name] = "link to " + h.Linkname
		default:
			t.Fatalf("%q: kind %c", name, h.Typeflag)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Mode != 0o644 && h.Mode != 0o755 && h.Mode != 0o777 {
			t.Fatalf("%q: owner %d:%d, mode %o", name, h.Uid, h.Gid, h.Mode)
		}
		if above, _, _ := strings.Cut(name, "/"); git && (above == ".git" || path.Base(name) == ".git" && strings.HasPrefix(got[name], "file gitdir: ../")) {
			continue // ours: the trees' own is refused
		}
		if want[name] != got[name] {
			t.Fatalf("%q is %.200q, want %.200q", name, got[name], want[name])
		}
		delete(want, name)
	}
	for name, what := range want {
		t.Fatalf("%q, %.200q, is not there", name, what)
	}
}
