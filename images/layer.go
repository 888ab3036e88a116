package images

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch is the one time that everything made here bears, in seconds since 1970: the day of Kubernetes' issue 98646. Not
// 0, which some tools take for "no time".
const epoch = 1612137600

func fixedTime() time.Time { return time.Unix(epoch, 0).UTC() }

// Layers are uncompressed tars: an engine on the same machine loads them faster, and no version of a compressor has a
// say in their digest.

// fileLayer is a layer that lies in the cache as a tar.
type fileLayer struct {
	path string
	hash v1.Hash
	size int64
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return types.DockerUncompressedLayer, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return l.Uncompressed() }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// member is one member of a layer made here.
type member struct {
	header tar.Header
	from   string // the file with the content; "": none
}

// madeLayer is a layer written anew each time it is read: a few headers around files of the cache.
type madeLayer struct {
	members []member
	hash    v1.Hash
	size    int64
}

func (l *madeLayer) Digest() (v1.Hash, error)            { return l.hash, nil }
func (l *madeLayer) DiffID() (v1.Hash, error)            { return l.hash, nil }
func (l *madeLayer) Size() (int64, error)                { return l.size, nil }
func (l *madeLayer) MediaType() (types.MediaType, error) { return types.DockerUncompressedLayer, nil }
func (l *madeLayer) Compressed() (io.ReadCloser, error)  { return l.Uncompressed() }
func (l *madeLayer) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.write(w)) }() // ends when the reader is read to its end, or closed
	return r, nil
}

func (l *madeLayer) write(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, m := range l.members {
		h := m.header
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		if m.from == "" {
			continue
		}
		f, err := os.Open(m.from)
		if err != nil {
			return err
		}
		_, err = io.Copy(t, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", m.from, err)
		}
	}
	return t.Close()
}

// newMadeLayer sorts the members, which must have distinct names, and reads the layer once for its digest.
func newMadeLayer(members []member) (*madeLayer, error) {
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.header.Name, b.header.Name) })
	l := &madeLayer{members: members}
	r, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l.hash, l.size, err = v1.SHA256(r)
	return l, err
}

// layer is what a pick adds to a base: the tool, and links to it where the base has the tool elsewhere; or whiteouts
// for all of these, if the tool is to be absent. It is nil if nothing is to be done.
func (b *Builder) layer(ctx context.Context, base *tree, p resolvedPick) (v1.Layer, error) {
	var members []member
	parents := map[string]bool{}
	add := func(name string, m member) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			parents[dir] = true
		}
		m.header.Name = strings.TrimPrefix(name, "/")
		m.header.ModTime = fixedTime()
		members = append(members, m)
	}

	dest := ""
	if !p.Absent {
		f, err := b.tool(ctx, p.tool, p.recipe)
		if err != nil {
			return nil, err
		}
		if dest, err = base.place(p.tool.Dest); err != nil {
			return nil, fmt.Errorf("toolchain %s %s: dest %s: %w", p.Tool, p.Version, p.tool.Dest, err)
		}
		add(dest, member{tar.Header{Typeflag: tar.TypeReg, Mode: 0o755, Size: f.size}, f.path})
	}
	seen := map[string]bool{dest: true}
	for _, h := range p.hide {
		real, ok := base.has(h)
		if !ok || seen[real] {
			continue
		}
		seen[real] = true
		if p.Absent {
			add(path.Join(path.Dir(real), whiteout+path.Base(real)), member{header: tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}})
		} else {
			// Whatever asks for the tool by this path gets the version picked, too.
			add(real, member{header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: dest, Mode: 0o777}})
		}
	}
	if len(members) == 0 {
		return nil, nil
	}
	// A layer that leaves parents out would have the engine make them up, with modes of its own.
	for dir := range parents {
		d := base.dir(dir)
		members = append(members, member{header: tar.Header{
			Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir, "/") + "/", Mode: d.mode, Uid: d.uid, Gid: d.gid, ModTime: fixedTime(),
		}})
	}
	return newMadeLayer(members)
}
