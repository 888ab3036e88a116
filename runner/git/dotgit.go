package git

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// gitConfig makes git compare only the size and the time of files, in seconds: all else about a file (inode, owner,
// time of change) is known only once it is unpacked. So even `git diff-index`, which never looks inside, finds it clean.
const gitConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	checkStat = minimal
	trustctime = false
[gc]
	auto = 0
`

// tag is one tag of the repository that leads to a commit.
type tag struct {
	ref    plumbing.ReferenceName
	id     plumbing.Hash   // what the ref says
	chain  []plumbing.Hash // the tag objects on the way, none for a lightweight tag
	commit plumbing.Hash
}

// writeGitDir writes a .git that is good for reading: HEAD at the commit, all its ancestors' commits and tags, its own
// trees and blobs, and an index that matches the files. Trees and blobs of older commits are not there.
func (s *Source) writeGitDir(ctx context.Context, out *tar.Writer, commit string, files []file) error {
	head := plumbing.NewHash(commit)
	commits, contained, err := s.repo.graph.ancestors(ctx, []plumbing.Hash{head}, nil)
	if err != nil {
		return err
	}
	tags, err := s.readTags()
	if err != nil {
		return err
	}
	tags = slices.DeleteFunc(slices.Clone(tags), func(t tag) bool { return !contained[t.commit] })
	h, err := s.repo.objects.header(head)
	if err != nil {
		return err
	}
	ids := packOrder(commits, tags, h.tree, files)

	packFile, err := os.CreateTemp("", "bisect-pack-")
	if err != nil {
		return fmt.Errorf("a temporary pack: %w", err)
	}
	defer packFile.Close()
	if err := os.Remove(packFile.Name()); err != nil { // nothing is left of it, even if we are killed
		return err
	}
	name, idx, err := s.writePack(ctx, packFile, ids)
	if err != nil {
		return err
	}
	stage, err := stageFiles(files)
	if err != nil {
		return err
	}
	for _, dir := range []string{".git", ".git/objects", ".git/objects/info", ".git/objects/pack", ".git/refs", ".git/refs/heads", ".git/refs/tags"} {
		if err := writeDir(out, dir); err != nil {
			return err
		}
	}
	small := []struct {
		name    string
		content []byte
	}{
		{"HEAD", []byte(commit + "\n")},
		{"config", []byte(gitConfig)},
		{"packed-refs", packedRefs(tags)},
		{"shallow", s.shallowFile(contained)},
		{"objects/pack/" + name + ".idx", idx},
	}
	for _, f := range small {
		if f.name == "shallow" && len(f.content) == 0 {
			continue
		}
		if err := writeContent(out, ".git/"+f.name, int64(len(f.content)), FileTime(), bytes.NewReader(f.content)); err != nil {
			return err
		}
	}
	size, err := packFile.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := writeContent(out, ".git/objects/pack/"+name+".pack", size, FileTime(), io.NewSectionReader(packFile, 0, size)); err != nil {
		return err
	}
	// Files as old as the index are looked into, lest a change in its last second be missed: it must be younger.
	return writeContent(out, ".git/index", int64(len(stage)), FileTime().Add(time.Second), bytes.NewReader(stage))
}

func writeContent(out *tar.Writer, name string, size int64, at time.Time, content io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: at}); err != nil {
		return err
	}
	_, err := io.Copy(out, content)
	return err
}

// packOrder returns each object of the pack once: commits, tags, then the trees and blobs of HEAD.
func packOrder(commits []plumbing.Hash, tags []tag, tree plumbing.Hash, files []file) []plumbing.Hash {
	ids := make([]plumbing.Hash, 0, len(commits)+len(files))
	seen := make(map[plumbing.Hash]bool, cap(ids))
	add := func(id plumbing.Hash) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, id := range commits {
		add(id)
	}
	for _, t := range tags {
		for _, id := range t.chain {
			add(id)
		}
	}
	add(tree)
	for _, f := range files {
		if !f.inner && f.mode != filemode.Submodule {
			add(f.id)
		}
	}
	return ids
}

func (s *Source) writePack(ctx context.Context, w io.Writer, ids []plumbing.Hash) (name string, idx []byte, err error) {
	buffered := bufio.NewWriterSize(w, 256<<10)
	p, err := newPack(buffered, len(ids))
	if err != nil {
		return "", nil, err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return "", nil, context.Cause(ctx)
		}
		if err := s.packs.copyObject(p, s.repo.objects, id); err != nil {
			return "", nil, err
		}
	}
	if name, idx, err = p.finish(); err != nil {
		return "", nil, err
	}
	return name, idx, buffered.Flush()
}

// stageFiles makes the index of files that were just written.
func stageFiles(files []file) ([]byte, error) {
	stage := &index.Index{Version: 2}
	for _, f := range files {
		if f.inner || f.mode == filemode.Dir {
			continue
		}
		stage.Entries = append(stage.Entries, &index.Entry{Name: f.path, Hash: f.id, Mode: f.mode, Size: uint32(f.size), ModifiedAt: FileTime()})
	}
	var encoded bytes.Buffer
	if err := index.NewEncoder(&encoded).Encode(stage); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return encoded.Bytes(), nil
}

func packedRefs(tags []tag) []byte {
	var b bytes.Buffer
	b.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for _, t := range tags {
		fmt.Fprintf(&b, "%s %s\n", t.id, t.ref)
		if len(t.chain) > 0 {
			fmt.Fprintf(&b, "^%s\n", t.commit)
		}
	}
	return b.Bytes()
}

// shallowFile lists where a shallow clone's history ends, so that git does not look further.
func (s *Source) shallowFile(contained map[plumbing.Hash]bool) []byte {
	var b bytes.Buffer
	for _, id := range s.repo.cutsIn(contained) {
		fmt.Fprintln(&b, id)
	}
	return b.Bytes()
}

// readTags returns the tags that lead to commits, ordered by name.
func (s *Source) readTags() ([]tag, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tagsRead {
		return s.tags, nil
	}
	refs, err := s.repo.refs.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	var tags []tag
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if !ref.Name().IsTag() || ref.Type() != plumbing.HashReference {
			return nil
		}
		t := tag{ref: ref.Name(), id: ref.Hash(), commit: ref.Hash()}
		for {
			object, content, err := s.repo.objects.open(plumbing.AnyObject, t.commit)
			var missing *MissingObjectError
			if errors.As(err, &missing) {
				return nil // as after a partial or damaged clone: git describe ignores it as well
			} else if err != nil {
				return err
			}
			content.Close()
			if object.Type() == plumbing.CommitObject {
				tags = append(tags, t)
				return nil
			}
			if object.Type() != plumbing.TagObject {
				return nil
			}
			t.chain = append(t.chain, t.commit)
			if t.commit, err = s.repo.tagged(t.commit); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	slices.SortFunc(tags, func(a, b tag) int { return strings.Compare(string(a.ref), string(b.ref)) })
	s.tags, s.tagsRead = tags, true
	return tags, nil
}
