package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
)

// room is what an image may yet unpack to. What is compressed well, or is a file that is all hole, comes in a
// few bytes and fills the disk of this machine, and then the engine's.
type room struct{ limit, used int64 } // limit 0: there is none

// leastMember is what a member takes at the least, in bytes: even an empty file takes a place on a disk.
const leastMember = 4 << 10

// newRoom is for one image.
func (w *workshop) newRoom() *room { return &room{limit: w.limit} }

// most is how many bytes a download may have, and may unpack to: 0 stands for what its readers allow by
// themselves, 4 GiB.
func (w *workshop) most() int64 {
	if w.limit < 4<<30 {
		return w.limit
	}
	return 0
}

func (r *room) full() error {
	return fmt.Errorf("it unpacks to more than the %s that builds of this scenario may write (builder.resources.disk): raise that, or take a smaller image", humanize.IBytes(uint64(r.limit)))
}

// take reads a layer, and ends with an error as soon as it is too large: its own bytes, or what its members
// unpack to.
func (r *room) take(in io.Reader, read func(io.Reader) error) error {
	if r.limit > 0 {
		in = &roomReader{in: in, left: r.limit - r.used, full: r.full}
	}
	members, out := io.Pipe()
	counted := make(chan error, 1)
	go func() {
		err := r.count(members)
		if err == nil {
			_, err = io.Copy(io.Discard, members) // a tar is padded behind its end
		}
		members.CloseWithError(err) // whoever writes on learns why
		counted <- err
	}()
	err := read(io.TeeReader(in, out))
	out.CloseWithError(err)
	if countErr := <-counted; err == nil {
		err = countErr
	}
	return err
}

// count takes the room of a layer's members.
func (r *room) count(layer io.Reader) error {
	for in := tar.NewReader(layer); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("layer: %w", err)
		}
		r.used += min(max(h.Size, leastMember), 1<<50) // of which many sum up to no overflow
		if r.limit > 0 && r.used > r.limit {
			return r.full()
		}
	}
}

// roomReader ends with an error where there is too much to read.
type roomReader struct {
	in   io.Reader
	left int64
	full func() error
}

func (r *roomReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, r.full()
	}
	return n, err
}

// fits refuses a base that lies in the cache, where another scenario let it be larger.
func (w *workshop) fits(fs *rootfs) error {
	size := fs.config.Unpacked
	for _, l := range fs.layers { // of those made before that was written down
		if fs.config.Unpacked == 0 {
			size += l.size
		}
	}
	if w.limit > 0 && size > w.limit {
		return w.newRoom().full()
	}
	return nil
}
