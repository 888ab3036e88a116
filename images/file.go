package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// copyTool takes the user's file into the cache, so that it stays as it was when its digest was checked.
func copyTool(f *File, to string) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	got, err := copySummed(in, to, 0o755)
	if err != nil {
		return err
	}
	if got != f.SHA256 {
		return f.differs(got)
	}
	return nil
}

func (f *File) differs(got string) error {
	return fmt.Errorf("it has sha256 %s, and the scenario says %s; take the right file, or correct the scenario", got, f.SHA256)
}

// copySummed writes in to a new file and returns the sha256 of what it wrote, in hex.
func copySummed(in io.Reader, to string, mode fs.FileMode) (sum string, err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, h), in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
