package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

// packer deflates objects and keeps the small ones deflated: from one trial's .git to the next almost all are the same.
// go-git's encoder would read and deflate every object anew for each trial, some seconds for ten thousand commits.
type packer struct {
	mu   sync.Mutex
	kept map[plumbing.Hash][]byte // pack entries, whole
	size int                      // of kept, in bytes
}

const (
	keepAtMost   = 256 << 20 // bytes for all entries kept
	keepEachMost = 1 << 20   // bytes for one
)

func newPacker() *packer { return &packer{kept: map[plumbing.Hash][]byte{}} }

// pack is one pack file being written.
type pack struct {
	out    io.Writer
	offset uint64
	hash   interface{ Sum([]byte) []byte }
	index  idxfile.Writer
	z      deflater
}

// newPack begins a pack of exactly count objects.
func newPack(out io.Writer, count int) (*pack, error) {
	sum := sha1.New() // what the format asks for; nothing rests on it but the detection of damage
	z, err := newDeflater()
	if err != nil {
		return nil, err
	}
	p := &pack{out: io.MultiWriter(out, sum), hash: sum, z: z}
	if err := p.index.OnHeader(uint32(count)); err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	return p, p.write(header)
}

func (p *pack) write(b []byte) error {
	n, err := p.out.Write(b)
	p.offset += uint64(n)
	return err
}

// add writes an entry that was made by a deflater.
func (p *pack) add(id plumbing.Hash, entry []byte) error {
	p.index.Add(id, p.offset, crc32.ChecksumIEEE(entry))
	return p.write(entry)
}

// addFrom writes an object of any size without holding it.
func (p *pack) addFrom(id plumbing.Hash, kind plumbing.ObjectType, size int64, content io.Reader) error {
	start, crc := p.offset, crc32.NewIEEE()
	counted := writerFunc(func(b []byte) (int, error) {
		crc.Write(b)
		return len(b), p.write(b)
	})
	if err := p.z.entry(counted, kind, size, content); err != nil {
		return err
	}
	p.index.Add(id, start, crc.Sum32())
	return nil
}

// finish ends the pack and returns its name and its index file.
func (p *pack) finish() (name string, index []byte, err error) {
	sum := p.hash.Sum(nil)
	if err := p.write(sum); err != nil {
		return "", nil, err
	}
	id := plumbing.Hash(sum)
	if err := p.index.OnFooter(id); err != nil {
		return "", nil, err
	}
	memory, err := p.index.Index()
	if err != nil {
		return "", nil, err
	}
	var file bytes.Buffer
	if _, err := idxfile.NewEncoder(&file).Encode(memory); err != nil {
		return "", nil, err
	}
	return "pack-" + id.String(), file.Bytes(), nil
}

// deflater is used over and over: a new one costs more than a hundred commits deflated.
type deflater struct{ *zlib.Writer }

func newDeflater() (deflater, error) {
	z, err := zlib.NewWriterLevel(io.Discard, zlib.BestSpeed)
	return deflater{z}, err
}

// entry writes a pack entry: type and size, seven bits a byte after the first four, then the content as zlib.
func (z deflater) entry(out io.Writer, kind plumbing.ObjectType, size int64, content io.Reader) error {
	head := []byte{byte(kind)<<4 | byte(size&0x0f)}
	for rest := size >> 4; rest > 0; rest >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(rest&0x7f))
	}
	if _, err := out.Write(head); err != nil {
		return err
	}
	z.Reset(out)
	n, err := io.Copy(z, content)
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("an object of %d bytes ended after %d", size, n)
	}
	return z.Close()
}

// copyObject writes an object of a repository into a pack.
func (k *packer) copyObject(p *pack, from *objects, id plumbing.Hash) error {
	k.mu.Lock()
	entry, ok := k.kept[id]
	k.mu.Unlock()
	if ok {
		return p.add(id, entry)
	}
	object, content, err := from.openRaw(plumbing.AnyObject, id)
	if err != nil {
		return err
	}
	defer content.Close()
	if object.Size() > keepEachMost {
		return p.addFrom(id, object.Type(), object.Size(), content)
	}
	var made bytes.Buffer
	if err := p.z.entry(&made, object.Type(), object.Size(), content); err != nil {
		return err
	}
	k.keep(id, made.Bytes())
	return p.add(id, made.Bytes())
}

func (k *packer) keep(id plumbing.Hash, entry []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.size+len(entry) > keepAtMost { // simple, and rare: histories of half a million commits
		k.kept, k.size = map[plumbing.Hash][]byte{}, 0
	}
	k.kept[id] = bytes.Clone(entry)
	k.size += len(entry)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
