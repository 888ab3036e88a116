package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"buildbisect/images/catalogue"
)

// copyTool takes the user's file into the cache, so that it stays as it was when its digest was checked.
func copyTool(f *catalogue.File, to string) error {
	in, err := openFile(f)
	if err != nil {
		return err
	}
	defer in.Close()
	got, err := copySummed(in, to, 0o755)
	if err != nil {
		return err
	}
	if got != f.SHA256 {
		return differs(f, got)
	}
	return nil
}

// open opens a regular file: others may have no end.
func openFile(f *catalogue.File) (*os.File, error) {
	stat, open, name := os.Stat, os.Open, f.Path
	if f.Within != "" {
		root, err := os.OpenRoot(f.Within)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		if name, err = filepath.Rel(f.Within, f.Path); err != nil {
			return nil, err
		}
		stat, open = root.Stat, root.Open
	}
	info, err := stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", f.Path)
	}
	return open(name)
}

// sum is the sha256 of what the file holds now, in hex.
func fileSum(f *catalogue.File) (string, error) {
	in, err := openFile(f)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func differs(f *catalogue.File, got string) error {
	if f.Unseen {
		return fmt.Errorf("its sha256 is not the one that the scenario says, %s; take the right file, or correct the scenario: sha256sum tells it", f.SHA256)
	}
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
