package git

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// storedPack is a pack on the disk with its index. Both stay open, so that a `git gc` beside us takes nothing
// away that is in use.
type storedPack struct {
	*packfile.Packfile
	path  string // without .pack and .idx
	file  *os.File
	index *idxfile.MemoryIndex
	size  int64
}

// streamAbove is the size in bytes above which blobs are streamed instead of held.
const streamAbove = 8 << 20

// openPack opens the pack at a path without .pack. Its name may be any: old gits named packs by what they
// hold and not by their checksum.
func openPack(path string, shared cache.Object) (*storedPack, error) {
	p := &storedPack{path: path}
	var err error
	if p.file, err = os.Open(path + ".pack"); err != nil {
		return nil, err
	}
	info, err := p.file.Stat()
	if err == nil {
		p.size = info.Size()
		p.index, err = readPackIndex(path + ".idx")
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	p.Packfile = packfile.NewPackfileWithCache(p.index, packFiles{nil, p}, p.reader(), shared, streamAbove)
	return p, nil
}

// check refuses, as git does, a pack that is not the one that the index was made for.
func (p *storedPack) check() error {
	var head [12]byte
	var sum plumbing.Hash
	if _, err := p.file.ReadAt(head[:], 0); err != nil {
		return fmt.Errorf("%s.pack: %w", p.path, err)
	}
	if _, err := p.file.ReadAt(sum[:], p.size-int64(len(sum))); err != nil {
		return fmt.Errorf("%s.pack: %w", p.path, err)
	}
	count, err := p.index.Count()
	if err != nil {
		return err
	}
	version := binary.BigEndian.Uint32(head[4:])
	if string(head[:4]) != "PACK" || version != 2 && version != 3 || int64(binary.BigEndian.Uint32(head[8:])) != count || sum != p.index.PackfileChecksum {
		return fmt.Errorf("%s.pack: not the pack that its index was made for", p.path)
	}
	return nil
}

// reader reads the pack from its start, on its own.
func (p *storedPack) reader() billy.File {
	return packReader{io.NewSectionReader(p.file, 0, p.size), p}
}

// packReader is a pack as go-git reads it. Closing it closes nothing: the pack is open once, for all.
type packReader struct {
	*io.SectionReader
	pack *storedPack
}

func (r packReader) Name() string            { return r.pack.path + ".pack" }
func (packReader) Write([]byte) (int, error) { return 0, billy.ErrReadOnly }
func (packReader) Truncate(int64) error      { return billy.ErrReadOnly }
func (packReader) Lock() error               { return billy.ErrNotSupported }
func (packReader) Unlock() error             { return billy.ErrNotSupported }
func (packReader) Close() error              { return nil }

// packFiles is the file system that go-git opens a pack anew from, to read a larger object. Nothing else is
// asked of it.
type packFiles struct {
	billy.Filesystem
	pack *storedPack
}

func (f packFiles) Open(string) (billy.File, error) { return f.pack.reader(), nil }

// readPackIndex reads an index of either version.
func readPackIndex(path string) (*idxfile.MemoryIndex, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(content, []byte("\xfftOc")) {
		return readPackIndex1(path, content)
	}
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(bytes.NewReader(content)).Decode(index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return index, nil
}

// readPackIndex1 reads an index of version 1, which go-git does not: 256 sums of counts, then for each object
// its offset and its id, then the checksums of the pack and of the index.
func readPackIndex1(path string, content []byte) (*idxfile.MemoryIndex, error) {
	const sums, each, tail = 256 * 4, 4 + sha1.Size, 2 * sha1.Size
	wrong := fmt.Errorf("%s: %w", path, idxfile.ErrMalformedIdxFile)
	if len(content) < sums+tail {
		return nil, wrong
	}
	count := binary.BigEndian.Uint32(content[sums-4:])
	entries := content[sums : len(content)-tail]
	if uint64(len(entries)) != uint64(count)*each {
		return nil, wrong
	}
	var made idxfile.Writer
	if err := made.OnHeader(count); err != nil {
		return nil, err
	}
	for ; len(entries) > 0; entries = entries[each:] {
		made.Add(plumbing.Hash(entries[4:each]), uint64(binary.BigEndian.Uint32(entries)), 0)
	}
	if err := made.OnFooter(plumbing.Hash(content[len(content)-tail:][:sha1.Size])); err != nil {
		return nil, err
	}
	return made.Index()
}

// packNames lists the packs of an object folder, as paths without .pack, in a fixed order. One whose index is
// not there is still being written.
func packNames(objectDir string) ([]string, error) {
	dir := filepath.Join(objectDir, "pack")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".idx"); ok {
			if _, err := os.Stat(filepath.Join(dir, name+".pack")); err == nil {
				names = append(names, filepath.Join(dir, name))
			}
		}
	}
	return names, nil
}

// withPrefix calls found with each id that begins so; a prefix has at least a byte.
func (p *storedPack) withPrefix(prefix []byte, found func(plumbing.Hash)) {
	bucket := p.index.FanoutMapping[prefix[0]]
	if bucket < 0 || bucket >= len(p.index.Names) {
		return
	}
	for names := p.index.Names[bucket]; len(names) >= sha1.Size; names = names[sha1.Size:] {
		if bytes.HasPrefix(names, prefix) {
			found(plumbing.Hash(names[:sha1.Size]))
		}
	}
}

// delta returns an object as the pack has it, as what is different from another one; false where it has it
// otherwise, or not at all.
func (p *storedPack) delta(id plumbing.Hash) (base plumbing.Hash, delta []byte, ok bool) {
	offset, err := p.index.FindOffset(id)
	if err != nil {
		return base, nil, false
	}
	scan := p.Scanner()
	header, err := scan.SeekObjectHeader(offset)
	switch {
	case err != nil:
		return base, nil, false
	case header.Type == plumbing.REFDeltaObject:
		base = header.Reference
	case header.Type == plumbing.OFSDeltaObject:
		if base, err = p.index.FindHash(header.OffsetReference); err != nil {
			return base, nil, false
		}
	default:
		return base, nil, false
	}
	var content bytes.Buffer
	_, _, err = scan.NextObject(&content)
	return base, content.Bytes(), err == nil
}
