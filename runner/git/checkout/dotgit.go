package checkout

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"buildbisect/runner/git"
)

// gitConfig makes git compare only the size and the time of files, in seconds: all else about a file (inode,
// owner, time of change) is known only once it is unpacked. So even `git diff-index`, which never looks
// inside, finds it clean.
const gitConfig = `	filemode = true
	bare = false
	logallrefupdates = true
	checkStat = minimal
	trustctime = false
`

// writeGitDirs writes a .git for the commit and one for each of its submodules, as a clone has them: HEAD at
// the commit, detached; its ancestors and their tags, and nothing that is newer; an index that matches the
// files.
func (s *Source) writeGitDirs(ctx context.Context, out *tar.Writer, roots []*root, files []file, sh *share, at string) error {
	of := map[*root][]file{}
	for _, f := range files {
		of[f.top] = append(of[f.top], f)
	}
	places := map[*root]string{}
	used, made := map[string]bool{}, map[string]bool{".git": true}
	for _, top := range roots {
		places[top] = gitDirOf(top, places, used)
		g := &gitDir{source: s, out: out, at: places[top], top: top, made: made}
		for _, inner := range roots {
			if inner.parent == top {
				g.modules = append(g.modules, inner.mapped)
			}
		}
		if err := g.write(ctx, of[top], sh, at); err != nil {
			if top.parent != nil {
				return fmt.Errorf("submodule %s: %w", strings.TrimSuffix(top.prefix, "/"), err)
			}
			return err
		}
	}
	return nil
}

// gitDirOf gives the folder of a .git: of a submodule by its name, in that of what it lies in. A name that is
// no good for a folder, or would lie in another's, is not kept.
func gitDirOf(top *root, places map[*root]string, used map[string]bool) string {
	if top.parent == nil {
		return ".git"
	}
	modules := places[top.parent] + "/modules/"
	at := modules + filepath.ToSlash(filepath.Clean(filepath.FromSlash(top.mapped.Name)))
	bad := strings.HasSuffix(at, "/.") || strings.ContainsFunc(at, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(at) > git.LongestPath/2
	for part := range strings.SplitSeq(at, "/") {
		bad = bad || len(part) > git.LongestName
	}
	for other := range used {
		bad = bad || other == at || strings.HasPrefix(other, at+"/") || strings.HasPrefix(at, other+"/") && !strings.HasPrefix(modules, other+"/modules/")
	}
	if bad {
		sum := sha256.Sum256([]byte(top.prefix))
		at = modules + "at-" + hex.EncodeToString(sum[:8])
	}
	used[at] = true
	return at
}

// gitDir is one .git being written.
type gitDir struct {
	source  *Source
	out     *tar.Writer
	at      string // in the tar
	top     *root
	modules []git.Mapping   // its submodules
	made    map[string]bool // folders that lead to one
}

func (g *gitDir) write(ctx context.Context, files []file, sh *share, at string) error {
	r, head := g.top.repo, plumbing.NewHash(g.top.commit)
	_, contained, err := r.Graph.Ancestors(ctx, []plumbing.Hash{head}, nil)
	if err != nil {
		return err
	}
	all, err := g.source.refsOf(r)
	if err != nil {
		return err
	}
	stage, err := stageFiles(g.top, files)
	if err != nil {
		return err
	}
	if g.top.parent != nil {
		if err := g.link(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"", "/info", "/objects", "/objects/info", "/refs", "/refs/heads", "/refs/tags", "/logs"} {
		if err := g.mkdir(dir); err != nil {
			return err
		}
	}
	if err := g.objects(ctx, head, sh, at); err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{"HEAD", []byte(g.top.commit + "\n")},
		{"config", g.config()},
		{"packed-refs", all.within(contained).packed()},
		{"shallow", shallowFile(r, contained)},
		{"info/grafts", graftsIn(r, contained)},
		{"logs/HEAD", reflog(g.top.commit)},
	} {
		if len(f.content) == 0 {
			continue
		}
		if err := g.file(f.name, f.content, FileTime()); err != nil {
			return err
		}
	}
	// Files as old as the index are looked into, lest a change in its last second be missed: it must be
	// younger.
	return g.file("index", stage, FileTime().Add(time.Second))
}

// mkdir makes a folder, and for the first one those that lead to it.
func (g *gitDir) mkdir(dir string) error {
	if above := path.Dir(g.at); dir == "" && above != "." {
		if err := g.lead(above); err != nil {
			return err
		}
		g.made[g.at] = true
	}
	return writeDir(g.out, g.at+dir)
}

func (g *gitDir) lead(to string) error {
	if g.made[to] {
		return nil
	}
	g.made[to] = true
	if err := g.lead(path.Dir(to)); err != nil {
		return err
	}
	return writeDir(g.out, to)
}

func (g *gitDir) file(name string, content []byte, at time.Time) error {
	return writeContent(g.out, g.at+"/"+name, int64(len(content)), at, bytes.NewReader(content))
}

// link leads from a submodule's folder to its .git.
func (g *gitDir) link() error {
	text := "gitdir: " + strings.Repeat("../", strings.Count(g.top.prefix, "/")) + g.at + "\n"
	return writeContent(g.out, g.top.prefix+".git", int64(len(text)), FileTime(), strings.NewReader(text))
}

// objects borrows those that are shared, or brings along what is needed.
func (g *gitDir) objects(ctx context.Context, head plumbing.Hash, sh *share, at string) error {
	t := sh.of(g.top.repo, head)
	if t != nil && at != "" {
		if err := writeDir(g.out, g.at+"/objects/pack"); err != nil {
			return err
		}
		return g.file("objects/info/alternates", []byte(path.Join(at, t.folder())+"\n"), FileTime())
	}
	if t == nil { // the submodule's commit was not here when the run began
		var err error
		if t, err = g.source.objectSet(ctx, g.top.repo, strings.TrimSuffix(g.top.prefix, "/"), []plumbing.Hash{head}); err != nil {
			return err
		}
		defer t.letGo()
	}
	pack, err := g.source.pack(ctx, t)
	if err != nil {
		return err
	}
	return pack.write(g.out, g.at+"/objects")
}

// notFetched is the name of the remote of a partial clone that a .git in a build claims to be. There is no
// such remote.
const notFetched = "not-in-the-partial-clone"

// config is the .git's own. A clone would find the remote here; a build has no network, and what it is called
// may hold a password.
func (g *gitDir) config() []byte {
	var b bytes.Buffer
	version := 0
	if g.top.repo.Objects.Partial {
		version = 1
	}
	fmt.Fprintf(&b, "[core]\n\trepositoryformatversion = %d\n%s", version, gitConfig)
	if top := g.top; top.parent != nil {
		up := strings.Repeat("../", strings.Count(g.at, "/")+1)
		fmt.Fprintf(&b, "\tworktree = %s\n", configValue(up+strings.TrimSuffix(top.prefix, "/")))
	}
	b.WriteString("[gc]\n\tauto = 0\n")
	if version == 1 {
		fmt.Fprintf(&b, "[extensions]\n\tpartialClone = %s\n[remote \"%[1]s\"]\n\turl = /%[1]s\n\tpromisor = true\n", notFetched)
	}
	for _, m := range g.modules {
		if strings.ContainsAny(m.Name, "\n\x00") {
			continue // no section can have such a name
		}
		fmt.Fprintf(&b, "[submodule \"%s\"]\n\tactive = true\n\turl = %s\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(m.Name), configValue(m.Url))
	}
	return b.Bytes()
}

// configValue quotes a value of a config file.
func configValue(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\b", `\b`, "\x00", "").Replace(text) + `"`
}

func writeContent(out *tar.Writer, name string, size int64, at time.Time, content io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: at}); err != nil {
		return err
	}
	_, err := io.Copy(out, content)
	return err
}

// stageFiles makes the index of files that were just written.
func stageFiles(top *root, files []file) ([]byte, error) {
	stage := &index.Index{Version: 2}
	for _, f := range files {
		if f.mode == filemode.Dir {
			continue
		}
		name := strings.TrimPrefix(f.path, top.prefix)
		stage.Entries = append(stage.Entries, &index.Entry{Name: name, Hash: f.id, Mode: f.mode, Size: uint32(f.size), ModifiedAt: FileTime()})
	}
	var encoded bytes.Buffer
	if err := index.NewEncoder(&encoded).Encode(stage); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return encoded.Bytes(), nil
}

// reflog says how HEAD came to its commit, from which git knows the words "HEAD detached at".
func reflog(commit string) []byte {
	return fmt.Appendf(nil, "%s %s bisect <bisect> %d +0000\tcheckout: moving from HEAD to %[2]s\n", plumbing.ZeroHash, commit, FileTime().Unix())
}

// shallowFile lists where a shallow clone's history ends, so that git does not look further.
func shallowFile(r *git.Repository, contained map[plumbing.Hash]bool) []byte {
	var b bytes.Buffer
	for _, id := range r.CutsIn(contained) {
		fmt.Fprintln(&b, id)
	}
	return b.Bytes()
}
