package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"buildbisect/images/cache"
	"buildbisect/images/catalogue"
)

const (
	unpackedList = "files.json" // of an entry: what is in it
)

// unpackedFile is a file, link or folder of an unpacked tool, as it was when it was unpacked. Its content is
// read once by each process that uses it; after each build it is asked for what is cheap alone: a Go
// toolchain has 15,000 files. An unpacking of another time differs from it.
type unpackedFile struct {
	Name     string      `json:"name"`
	Mode     fs.FileMode `json:"mode"`
	Size     int64       `json:"size,omitempty"`     // of a file
	Modified int64       `json:"modified,omitempty"` // of a file, in nanoseconds since 1970
	Link     string      `json:"link,omitempty"`     // where a link leads
	SHA256   string      `json:"sha256,omitempty"`   // of a file's content

	// touched is when the kernel last saw it changed in any way, in nanoseconds since 1970: unlike the time
	// that a program sees and sets, nobody can set it back. Copying a cache changes it, so that it is
	// compared within a process alone.
	touched int64
}

// unpacked is the tool as a folder in the cache, the root of its tool layer, unharmed and in use by this
// process from now on.
func (b *Builder) unpacked(ctx context.Context, t catalogue.Toolchain, p *toolLayer) (*Unpacked, error) {
	return b.unpackings.get(ctx, t.Tool+" "+t.Version, func() (*Unpacked, error) {
		return again(func() (*Unpacked, error) { return b.parts().unpack(ctx, t, p) })
	}, func(u *Unpacked) bool {
		if p.intact() && u.Changed() == nil {
			return true
		}
		// A build of ours that still runs on it sees by the list that it had that this is another.
		u.letGo()
		return false
	})
}

// unpacking is a tool that is being unpacked on this machine.
type unpacking struct {
	*step
	debian *debianArchives
	cache  cache.Dir
	tool   catalogue.Toolchain
	layer  *toolLayer
}

// unpack finds the tool unpacked, or unpacks it. What others use stays where it is, harmed or not: builds run
// on it.
func (parts *parts) unpack(ctx context.Context, t catalogue.Toolchain, p *toolLayer) (*Unpacked, error) {
	c, err := parts.cache()
	if err != nil {
		return nil, err
	}
	if c.Root, err = filepath.Abs(c.Root); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	// The place is in the key: a cache may be moved, and what was put together for its old place must not be
	// taken.
	sum := sha256.Sum256([]byte(p.layer.hash.Hex + " " + c.Root))
	key := hex.EncodeToString(sum[:])[:32]
	step := parts.begin(t.Tool + " " + t.Version)
	defer step.end()
	// Whoever looks for it waits for whoever unpacks it: the locks of use change hands under this one alone.
	unlock, err := c.Lock(ctx, cache.Unpacked+"-"+key+"-all", step.say)
	if err != nil {
		return nil, err
	}
	defer unlock()
	u := &unpacking{step, parts.debian, c, t, p}
	for n := 1; ; n++ {
		name := key
		if n > 1 {
			name = fmt.Sprintf("%s-%d", key, n)
		}
		if got, err := u.as(ctx, name); got != nil || err != nil {
			return got, err
		}
	}
}

// as finds the tool unpacked under that name, or unpacks it; nil: what lies there is harmed, but others
// use it.
func (p *unpacking) as(ctx context.Context, name string) (*Unpacked, error) {
	u := &Unpacked{what: p.tool.Tool + " " + p.tool.Version, dir: filepath.Join(p.cache.Root, cache.Unpacked, name)}
	var err error
	if u.use, err = use(p.cache, name); err != nil {
		return nil, err
	}
	harm := u.open()
	if harm == nil {
		return u, nil
	}
	alone, err := u.alone()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache: %w", err), u.letGo())
	}
	if !errors.Is(harm, fs.ErrNotExist) {
		how := "; unpacking it again"
		if !alone {
			how = "; others use it, so that it stays: unpacking another beside it"
		}
		p.say(harm.Error() + how)
	}
	if !alone {
		u.letGo()
		return nil, nil
	}
	if err = cache.RemoveTree(u.dir); err != nil {
		err = p.cache.Failed(err)
	} else {
		err = p.into(ctx, name)
	}
	if err == nil {
		err = u.share()
	}
	if err == nil {
		err = u.open()
	}
	if err != nil {
		return nil, errors.Join(err, u.letGo())
	}
	return u, nil
}

// into makes the entry of a tool's folder.
func (p *unpacking) into(ctx context.Context, name string) error {
	files := filepath.Join(p.cache.Root, cache.Unpacked, name, cache.UnpackedFiles)
	_, err := p.cache.Get(ctx, cache.Unpacked, name, p.say, func(ctx context.Context, dir string) (map[string]string, error) {
		p.say("unpacking")
		notes := map[string]string{"tool": p.tool.Tool, "version": p.tool.Version, "provider": p.layer.source.Kind()}
		to := filepath.Join(dir, cache.UnpackedFiles)
		if d, ok := p.layer.source.(*catalogue.Package); ok {
			return notes, p.anew(ctx, d, dir, to, files)
		}
		layer, err := p.layer.layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		defer layer.Close()
		return notes, unpackLayer(layer, path.Join(toolsFolder, p.layer.id), to)
	})
	return err
}

// anew puts a tool of Debian packages together for another place than an image has for it: for final,
// written to to.
func (p *unpacking) anew(ctx context.Context, d *catalogue.Package, dir, to, final string) error {
	scratch := filepath.Join(dir, "scratch")
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return err
	}
	layer, err := os.OpenFile(filepath.Join(scratch, cache.ToolLayer), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer layer.Close()
	root := strings.TrimPrefix(final, "/")
	w := &toolLayerWriter{tar: tar.NewWriter(layer), root: root, dirs: map[string]bool{}}
	exact := candidate{Packages: p.layer.made.Packages, Date: p.layer.made.Date}
	if _, err := p.debian.unpack(ctx, job{p.step, p.tool, w, scratch}, d, exact); err != nil {
		return fmt.Errorf("put together for this machine: %w", err)
	}
	if err := w.tar.Close(); err != nil {
		return err
	}
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return errors.Join(unpackLayer(layer, root, to), os.RemoveAll(scratch))
}

// unpackLayer writes what lies below root in a tool layer's layer to a new folder, and beside it the list of
// it. Nobody may write to the files and folders: builds on this machine are kept apart by nothing else. Root
// may all the same; see [Unpacked.Changed].
func unpackLayer(layer io.Reader, root, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	dir, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer dir.Close()
	in := tar.NewReader(layer)
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name, inside := strings.CutPrefix(path.Clean(h.Name), root+"/")
		if !inside {
			continue // the folders that lead there
		}
		if err := unpackMember(dir, h, in, name, root); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
	}
	// What follows the last member counts for the layer's digest, which is checked at its end.
	if _, err := io.Copy(io.Discard, layer); err != nil {
		return err
	}
	if err := closeFolders(to); err != nil {
		return err
	}
	list, err := listUnpacked(to, true)
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(filepath.Dir(to), unpackedList), list)
}

func unpackMember(dir *os.Root, h *tar.Header, content io.Reader, name, root string) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return dir.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return dir.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return dir.Link(strings.TrimPrefix(path.Clean(h.Linkname), root+"/"), name)
	case tar.TypeReg:
		out, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Chmod(fs.FileMode(h.Mode)&0o555|0o444), out.Close())
	}
	return fmt.Errorf("a member of kind %q", h.Typeflag)
}

func closeFolders(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(name, 0o555)
	})
}
