package checkout

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"

	"buildbisect/runner/git"
)

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

// addFrom writes an object of any size without holding it.
func (p *pack) addFrom(id plumbing.Hash, kind plumbing.ObjectType, size int64, content io.Reader) error {
	return p.entry(id, func(w io.Writer) error { return p.z.entry(w, kind, size, nil, content) })
}

// addDelta writes an object as what is different from another one of the pack.
func (p *pack) addDelta(id, base plumbing.Hash, delta []byte) error {
	return p.entry(id, func(w io.Writer) error {
		return p.z.entry(w, plumbing.REFDeltaObject, int64(len(delta)), base[:], bytes.NewReader(delta))
	})
}

func (p *pack) entry(id plumbing.Hash, write func(io.Writer) error) error {
	start, crc := p.offset, crc32.NewIEEE()
	counted := writerFunc(func(b []byte) (int, error) {
		crc.Write(b)
		return len(b), p.write(b)
	})
	if err := write(counted); err != nil {
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

// entry writes a pack entry: type and size, seven bits a byte after the first four, the base of a delta, then
// the content as zlib.
func (z deflater) entry(out io.Writer, kind plumbing.ObjectType, size int64, base []byte, content io.Reader) error {
	head := []byte{byte(kind)<<4 | byte(size&0x0f)}
	for rest := size >> 4; rest > 0; rest >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(rest&0x7f))
	}
	if _, err := out.Write(append(head, base...)); err != nil {
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

// copyAll writes objects of a repository into a pack. Where the repository has one as a delta of another it
// is taken over as that.
func (p *pack) copyAll(ctx context.Context, from *git.Objects, ids []plumbing.Hash, shown *slow) error {
	wanted := make(map[plumbing.Hash]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	bases := map[plumbing.Hash]plumbing.Hash{} // of what was written as a delta
	// Of two packs each may have the other's object as a base.
	circular := func(id, base plumbing.Hash) bool {
		for ok := true; ok; base, ok = bases[base] {
			if base == id {
				return true
			}
		}
		return false
	}
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		base, delta, ok := from.Delta(id)
		if ok && wanted[base] && !circular(id, base) {
			if err := p.addDelta(id, base, delta); err != nil {
				return err
			}
			bases[id] = base
		} else if err := p.copyObject(from, id); err != nil {
			return err
		}
		shown.count("packed", i, len(ids))
	}
	return nil
}

// copyObject writes an object of a repository into a pack, whole.
func (p *pack) copyObject(from *git.Objects, id plumbing.Hash) error {
	object, content, err := from.OpenRaw(plumbing.AnyObject, id)
	if err != nil {
		return err
	}
	defer content.Close()
	return p.addFrom(id, object.Type(), object.Size(), content)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
