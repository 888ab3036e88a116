package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// part is a file that is not whole yet. Its owner holds the lock of the file.
type part struct {
	file     *os.File
	sum      hash.Hash // of all that is in it
	size     int64     // bytes in it
	farthest int64     // the largest that size was after a Write
}

// openPart opens what an earlier call left at path, or an empty part.
func openPart(path string) (*part, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, diskError(err)
	}
	p := &part{file: f, sum: sha256.New()}
	if p.size, err = io.Copy(p.sum, f); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	p.farthest = max(p.farthest, p.size)
	return n, diskError(err)
}

// restart empties the part.
func (p *part) restart() error {
	if err := p.file.Truncate(0); err != nil {
		return diskError(err)
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	p.sum.Reset()
	p.size = 0
	return nil
}

func (p *part) digest() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// keep makes the part the file at path, whole on disk before it has that name.
func (p *part) keep(path string) error {
	if err := p.file.Sync(); err != nil {
		return diskError(err)
	}
	if err := os.Rename(p.file.Name(), path); err != nil {
		return diskError(err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return diskError(dir.Sync())
}

func (p *part) remove() error { return os.Remove(p.file.Name()) }

// close leaves what there is for the next call, but no empty file.
func (p *part) close() {
	if p.size == 0 {
		_ = p.remove()
	}
	p.file.Close()
}

// diskError adds to an error for want of room what to do about it.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w; make room and run again: it goes on from where it was", err)
	}
	return err
}
