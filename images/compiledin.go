package images

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// compiledIn refuses a tool of a Debian package, unpacked at root, of which a program names a folder of its
// own tree by an absolute path. A build on this machine has nothing of the tool there: the program would use
// what the machine has, or fail, and the tool would be blamed.
func compiledIn(tool, root string, parts []*part) error {
	folders := map[string]bool{}
	for _, p := range parts {
		for _, file := range p.Files {
			for dir := path.Dir(file); dir != "/"; dir = path.Dir(dir) {
				folders[dir] = ownFolder(dir)
			}
		}
	}
	for _, p := range parts {
		for _, file := range p.Files {
			if !p.Own || !strings.HasSuffix(path.Dir(file), "bin") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
			if errors.Is(err, fs.ErrNotExist) {
				continue // a link that leads out of the tree
			} else if err != nil {
				return err
			}
			if folder := namedFolder(text, folders); folder != "" {
				return &UnfitError{tool, fmt.Sprintf("its program %s looks for its files in %s, where a build on this machine has none of them; build in containers, without --runner local", file, folder)}
			}
		}
	}
	return nil
}

// sharedFolders are folders of many packages, of which a program may know without need.
var sharedFolders = regexp.MustCompile(`^/usr/share/(doc|man|info|locale|lintian|bug)(/|$)|^/usr/lib/[^/]*-linux-gnu[^/]*$`)

// ownFolder reports whether a folder is deep enough to be one package's own.
func ownFolder(dir string) bool {
	return strings.Count(dir, "/") >= 3 && !sharedFolders.MatchString(dir)
}

var absolutePath = regexp.MustCompile(`/(?:usr|etc|lib)[\w./+~-]*`)

// namedFolder finds a folder in the text of a program. A compiled program has the path as a string of its
// own, or in a list with colons; one that ends in a slash is left out, since such a path is a prefix that GCC
// moves with itself. A script names files in the folder, too.
func namedFolder(program []byte, folders map[string]bool) string {
	if !bytes.HasPrefix(program, []byte("#!")) {
		for text := range bytes.SplitSeq(program, []byte{0}) {
			for name := range bytes.SplitSeq(text, []byte{':'}) {
				if folders[string(name)] {
					return string(name)
				}
			}
		}
		return ""
	}
	_, body, _ := bytes.Cut(program, []byte("\n"))
	for _, name := range absolutePath.FindAll(body, -1) {
		for dir := path.Clean(string(name)); dir != "/"; dir = path.Dir(dir) {
			if folders[dir] {
				return dir
			}
		}
	}
	return ""
}
