package local

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
	"syscall"
	"time"

	"buildbisect/runner/backend"
)

// What boxes share lies in a folder of the session, and goes with it. Its files and folders are closed
// against writing, which keeps no build from it that means to write: it has the same user. So they are looked
// at after each script.

var _ backend.Sharer = (*Engine)(nil)

// sharing is a folder that boxes share.
type sharing struct {
	dir   string
	files map[string]stamp // by path from dir; folders too
}

// stamp is how a file looked. Git sets the time of a pack that has an object which somebody adds again: that
// alone changes nothing.
type stamp struct {
	mode    fs.FileMode
	size    int64
	inode   uint64
	changed time.Time // the file or what is known of it
	sum     string    // of a file's content
}

// Share unpacks what write streams, once for each key, and again where a build has changed it.
func (e *Engine) Share(ctx context.Context, spec backend.ShareSpec, write func(io.Writer) error) (string, error) {
	select {
	case e.sharing <- struct{}{}:
		defer func() { <-e.sharing }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	e.mu.Lock()
	s := e.shares[spec.Key]
	e.mu.Unlock()
	if s != nil && s.check() == nil {
		return s.dir, nil
	}
	what := "unpack what builds share"
	// Each time in a folder of its own: a box that is open may still read the one before.
	dir, err := os.MkdirTemp(e.dir.path, "shared-")
	if err != nil {
		return "", infrastructuref("%s: %w", what, err)
	}
	s = &sharing{dir: dir, files: map[string]stamp{}}
	err = backend.Stream(write, func(content io.Reader) error {
		source := backend.NewSourceReader(until(ctx, content))
		err := s.unpack(source)
		switch {
		case err == nil || source.Failure() != nil:
			return errors.Join(source.Failure())
		default:
			return infrastructuref("%s: %w", what, err)
		}
	})
	if err != nil {
		_ = removeAll(dir) // what is left goes with the session
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shares[spec.Key] = s
	return dir, nil
}

func (s *sharing) unpack(content io.Reader) error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{root: root, dirs: map[string]bool{".": true}}
	sums := map[string]string{}
	for in := tar.NewReader(content); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q leads out of it", h.Name)
		}
		h.Mode &^= 0o222
		sum := sha256.New()
		if err := u.member(h, io.TeeReader(in, sum), name); err != nil {
			return err
		}
		sums[name] = hex.EncodeToString(sum.Sum(nil))
	}
	if err := errors.Join(u.closeFolders(), root.Chmod(".", 0o555)); err != nil {
		return err
	}
	return s.walk(func(name string, info fs.FileInfo) error {
		at := stampOf(info)
		if info.Mode().IsRegular() {
			at.sum = sums[name]
		}
		s.files[name] = at
		return nil
	})
}

func (s *sharing) walk(visit func(name string, info fs.FileInfo) error) error {
	return filepath.WalkDir(s.dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return visit(strings.TrimPrefix(strings.TrimPrefix(at, s.dir), "/"), info)
	})
}

func stampOf(info fs.FileInfo) stamp {
	at := stamp{mode: info.Mode(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		at.inode, at.changed = sys.Ino, time.Unix(sys.Ctim.Unix())
	}
	return at
}

// check returns an error if something was changed. Sharing is looked at by one at a time.
func (s *sharing) check() error {
	found := 0
	err := s.walk(func(name string, info fs.FileInfo) error {
		found++
		was, is := s.files[name], stampOf(info)
		is.sum = was.sum
		if is == was {
			return nil
		}
		if is.changed = was.changed; is != was {
			return fmt.Errorf("%s was changed", filepath.Join(s.dir, name))
		}
		is = stampOf(info)
		if info.Mode().IsRegular() {
			sum, err := sumOf(filepath.Join(s.dir, name))
			if err != nil {
				return err
			}
			if is.sum = was.sum; sum != was.sum {
				return fmt.Errorf("%s was written to", filepath.Join(s.dir, name))
			}
		}
		s.files[name] = is
		return nil
	})
	if err == nil && found != len(s.files) {
		err = fmt.Errorf("of %s something was removed", s.dir)
	}
	return err
}

func sumOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// spoilt returns an error if what the box shares with others was changed: what was built with it since says
// nothing.
func (b *box) spoilt(what string) error {
	e := b.engine
	e.sharing <- struct{}{}
	defer func() { <-e.sharing }()
	e.mu.Lock()
	alone := len(e.boxes) == 1
	var s *sharing
	for _, other := range e.shares {
		if other.dir == b.shared {
			s = other
		}
	}
	e.mu.Unlock()
	if b.shared == "" {
		return nil
	}
	err := errors.New("another build has changed it, and it was unpacked anew")
	if s != nil {
		if err = s.check(); err == nil {
			return nil
		}
	}
	err = infrastructuref("%s: a build has changed what others have, too, as the history of the repository: %w; it is unpacked anew; have builds write elsewhere", what, err)
	if alone {
		return &backend.Suspected{Err: err}
	}
	return err
}
