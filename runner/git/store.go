package git

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
)

// store is one folder of objects, loose and packed. It is not for callers at the same time.
//
// Its formats are read by go-git, whose own storage is not used: it takes only folders called objects that
// hold no links, packs named by their checksum, and indexes of version 2; one pack without an index, or with
// a broken one, makes all others unreadable; and it follows alternates by itself, opening them anew for each
// object.
type store struct {
	Dir    string
	cache  cache.Object
	listed bool
	packs  []*storedPack
	broken map[string]error // packs that cannot be read, by path
	gone   []*storedPack    // no longer listed, but perhaps still read from
}

// reload has the packs listed again at the next look-up: git may have put others in their place.
func (s *store) reload() { s.listed = false }

func (s *store) list() error {
	if s.listed {
		return nil
	}
	names, err := packNames(s.Dir)
	if err != nil {
		return err
	}
	open := map[string]*storedPack{}
	for _, p := range s.packs {
		open[p.path] = p
	}
	s.packs, s.broken = nil, map[string]error{}
	for _, name := range names {
		p, known := open[name]
		if delete(open, name); !known {
			if p, err = openPack(name, s.cache); errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				s.broken[name] = err
				continue
			}
		}
		s.packs = append(s.packs, p)
	}
	for _, p := range open {
		s.gone = append(s.gone, p)
	}
	s.listed = true
	return nil
}

// find returns an object; plumbing.ErrObjectNotFound where it is not here. As in git one that cannot be read
// in a pack may be read elsewhere.
func (s *store) find(id plumbing.Hash) (plumbing.EncodedObject, error) {
	if held, ok := s.cache.Get(id); ok {
		return held, nil
	}
	if err := s.list(); err != nil {
		return nil, err
	}
	var broken error
	for i, p := range s.packs {
		if found, _ := p.index.Contains(id); !found {
			continue
		}
		object, err := p.Get(id)
		if err != nil {
			broken = &brokenFileError{p.path + ".pack", err}
			continue
		}
		s.packs[0], s.packs[i] = s.packs[i], s.packs[0] // the next object is likely to lie beside this one
		return object, nil
	}
	object, err := s.loose(id)
	if errors.Is(err, plumbing.ErrObjectNotFound) && broken != nil {
		return nil, broken
	}
	return object, err
}

// delta is that of the first pack that has the object as one.
func (s *store) delta(id plumbing.Hash) (base plumbing.Hash, delta []byte, ok bool) {
	if s.list() != nil {
		return base, nil, false
	}
	for _, p := range s.packs {
		if base, delta, ok = p.delta(id); ok {
			return base, delta, true
		}
	}
	return base, nil, false
}

func (s *store) loosePath(id plumbing.Hash) string {
	digits := id.String()
	return filepath.Join(s.Dir, digits[:2], digits[2:])
}

// loose reads the file of an object.
func (s *store) loose(id plumbing.Hash) (plumbing.EncodedObject, error) {
	file := &looseObject{path: s.loosePath(id), id: id}
	reader, err := file.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, plumbing.ErrObjectNotFound
	} else if err != nil {
		return nil, &brokenFileError{file.path, err}
	}
	defer reader.Close()
	if file.size > streamAbove {
		return file, nil
	}
	held := &plumbing.MemoryObject{}
	held.SetType(file.kind)
	if _, err := io.Copy(held, io.LimitReader(reader, file.size+1)); err != nil {
		return nil, &brokenFileError{file.path, err}
	}
	if held.Hash() != id || held.Size() != file.size {
		return nil, &brokenFileError{file.path, errors.New("its content is not that of the object it is named for")}
	}
	s.cache.Put(held)
	return held, nil
}

// looseObject is an object in a file of its own, read anew by each reader.
type looseObject struct {
	plumbing.EncodedObject // nothing of it but what is defined here is called
	path                   string
	id                     plumbing.Hash
	kind                   plumbing.ObjectType
	size                   int64
}

func (o *looseObject) Hash() plumbing.Hash       { return o.id }
func (o *looseObject) Type() plumbing.ObjectType { return o.kind }
func (o *looseObject) Size() int64               { return o.size }

func (o *looseObject) Reader() (io.ReadCloser, error) { return o.open() }

func (o *looseObject) open() (io.ReadCloser, error) {
	file, err := os.Open(o.path)
	if err != nil {
		return nil, err
	}
	reader, err := objfile.NewReader(file)
	if err == nil {
		o.kind, o.size, err = reader.Header()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &looseReader{reader, file}, nil
}

type looseReader struct {
	*objfile.Reader
	file *os.File
}

func (r *looseReader) Close() error { return errors.Join(r.Reader.Close(), r.file.Close()) }

// has reports whether an object is here, without reading it.
func (s *store) has(id plumbing.Hash) bool {
	if s.list() == nil {
		for _, p := range s.packs {
			if found, _ := p.index.Contains(id); found {
				return true
			}
		}
	}
	_, err := os.Stat(s.loosePath(id))
	return err == nil
}

// withPrefix calls found with each id that begins so, in any order.
func (s *store) withPrefix(prefix []byte, found func(plumbing.Hash)) error {
	if err := s.list(); err != nil {
		return err
	}
	for _, p := range s.packs {
		p.withPrefix(prefix, found)
	}
	first := hex.EncodeToString(prefix[:1])
	entries, err := os.ReadDir(filepath.Join(s.Dir, first))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if digits := first + entry.Name(); len(digits) == 40 && IsHex(digits) {
			if id := plumbing.NewHash(digits); string(id[:len(prefix)]) == string(prefix) {
				found(id)
			}
		}
	}
	return nil
}

func (s *store) close() error {
	var errs []error
	for _, p := range append(s.packs, s.gone...) {
		errs = append(errs, p.file.Close())
	}
	s.packs, s.gone = nil, nil
	return errors.Join(errs...)
}
